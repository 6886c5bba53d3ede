"""Runs the chosen cases round by round and prints, for each goal, the median ratio, its bootstrap interval and whether it passes."""
import argparse
import json
import os
import pathlib
import signal
import sys

import cases
import statistics_of_ratios as ratios
from peers import Peers

ROOT = pathlib.Path(__file__).resolve().parents[2]

VERDICTS = {True: "yes", False: "NO", None: "-"}


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--only", default="", help="comma list of goals or beginnings of rows, e.g. C3,C5 or 'C1 vit_b_32 in process'")
    parser.add_argument("--triton", default=str(ROOT.parent / "shared/peers/triton/run"))
    parser.add_argument("--json", default=str(ROOT / "build/bench/serving.json"))
    return parser.parse_args()


def chosen_cases(only):
    names = [name.strip() for name in only.split(",") if name.strip()]

    def named(name):
        found = [case for case in cases.ALL if f"{case.goal} {case.what} ".startswith(name + " ")]
        return found or sys.exit(f"--only: no goal and no beginning of a row is called {name!r}")

    wanted = [case for name in names for case in named(name)]
    return [case for case in cases.ALL if not names or case in wanted]


def main():
    options = arguments()
    chosen = chosen_cases(options.only)
    results = []
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))  # leaves through Peers, which stops the servers
    with Peers(ROOT, options.triton if os.access(options.triton, os.X_OK) else None) as peers:
        if not peers.triton_started:
            print(f"No Triton ({options.triton}): comparisons with it are skipped")
        for case in chosen:
            if case.needs_triton and not peers.triton_started:
                results.append({"goal": case.goal, "what": case.what, "skipped": "no Triton"})
                continue
            print(f"{case.goal} {case.what}: ", end="", flush=True)
            samples = []
            for number in range(options.rounds):
                measured = case.measure(peers, options.seconds, number)
                samples.extend(measured if isinstance(measured, list) else [measured])
                print(".", end="", flush=True)
            result = ratios.judge(case, samples)
            results.append(result)
            print(f" {result['text']}")
    print(f"\n{'goal':5} {'what':58} {'wanted':>10} {'median':>9} {'95 % interval':>19}  passes")
    for result in results:
        if "skipped" in result:
            print(f"{result['goal']:5} {result['what']:58} skipped: {result['skipped']}")
        else:
            interval = f"{result['low']:.3f} .. {result['high']:.3f}"
            print(f"{result['goal']:5} {result['what']:58} {result['wanted']:>10} {result['median']:9.3f} {interval:>19}  {VERDICTS[result['passes']]}")
    pathlib.Path(options.json).write_text(json.dumps(results, indent=1))
    print(f"\nEvery sample: {options.json}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
