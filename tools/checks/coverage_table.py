"""Prints what gcovr's summary comes to for each module of src/. Usage: coverage_table.py SUMMARY [--json]"""
import collections
import json
import sys

KINDS = ("line", "branch")


def module_of(path):
    """src/serving/x.cpp is of serving, src/protocols/rest/x.cpp of protocols/rest."""
    return "/".join(path.split("/")[1:-1])


def counted(files):
    """Per module, and under "all", how many lines and branches there are and how many were run."""
    modules = collections.defaultdict(lambda: dict.fromkeys([f"{kind}_{what}" for kind in KINDS for what in ("total", "covered")], 0))
    for file in files:
        for name in (module_of(file["filename"]), "all"):
            for key in modules[name]:
                modules[name][key] += file[key]
    return modules


def percent(module, kind):
    """None where there is nothing to run."""
    total = module[f"{kind}_total"]
    return round(100 * module[f"{kind}_covered"] / total, 1) if total else None


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        modules = counted(json.load(file)["files"])
    for module in modules.values():
        module.update({f"{kind}_percent": percent(module, kind) for kind in KINDS})
    names = sorted(modules, key=lambda name: (name == "all", name))
    if "--json" in sys.argv[2:]:
        print(json.dumps({name: modules[name] for name in names}, indent=1))
        return
    print(f"{'module':28} {'lines':>7} {'run':>7} {'':>6}   {'branches':>8} {'run':>7}")
    for name in names:
        each = modules[name]
        shares = ["-" if each[f"{kind}_percent"] is None else f"{each[f'{kind}_percent']:.1f} %" for kind in KINDS]
        print(f"{name:28} {each['line_total']:7} {each['line_covered']:7} {shares[0]:>8} {each['branch_total']:8} {each['branch_covered']:7} {shares[1]:>8}")


if __name__ == "__main__":
    main()
