"""Modules of src/ include only what docs/architecture.md allows them. Usage: layering.py SOURCE_ROOT

The table of modules in that document is the rule: a module may use what its last column names, and whatever those may use.
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(sys.argv[1])
INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.MULTILINE)
LEAVES = {"backends"}  # loaded at run time: nobody may include them


def rules():
    """Module -> set of modules that it may use, from the document's table."""
    rows = []
    for line in (ROOT / "docs/architecture.md").read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        name = re.fullmatch(r"`(\w+)(?:/\*)?`", cells[0])
        if name and len(cells) == 3:
            rows.append((name[1], cells[2]))
    names = [name for name, _ in rows]
    allowed = {}
    for position, (name, uses) in enumerate(rows):  # low modules come first
        below = names[:position]
        direct = set(below) if "everything" in uses else {module for module in below if re.search(rf"\b{module}\b", uses)}
        allowed[name] = {name} | direct.union(*(allowed[module] for module in direct)) - LEAVES
    return allowed


def main():
    allowed = rules()
    if len(allowed) < 10:
        sys.exit("the table of modules in docs/architecture.md was not understood")
    problems, includes = [], 0
    for path in sorted(path for path in (ROOT / "src").rglob("*") if path.suffix in {".hpp", ".cpp", ".cu"}):
        module = path.relative_to(ROOT / "src").parts[0]
        if module not in allowed:
            problems.append(f"{path.relative_to(ROOT)}: module {module} is not in docs/architecture.md")
            continue
        for included in INCLUDE.findall(path.read_text(encoding="utf-8")):
            used = included.split("/")[0] if "/" in included else module
            includes += 1
            if used in allowed and used not in allowed[module]:
                problems.append(f"{path.relative_to(ROOT)}: {module} may not use {used} ({included})")
    if includes < 100:
        sys.exit("hardly any #include was found: the check does not work")
    if problems:
        sys.exit("\n".join(problems))
    print(f"{includes} includes follow docs/architecture.md")


main()
