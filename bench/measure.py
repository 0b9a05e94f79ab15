"""Measures everything and writes bench/results.json, docs/performance.md and docs/performance.svg."""

import argparse
import json
import os
import sys
import tempfile

import footprint
import gateway
import identity
import report

HERE = os.path.dirname(os.path.abspath(__file__))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--binaries", required=True, help="the directory with the release binary and its examples")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=int, default=2, help="of load, for each case of each round")
    parser.add_argument("--only", choices=["gateway", "identity", "footprint"], action="append")
    options = parser.parse_args()
    wanted = options.only or ["gateway", "identity", "footprint"]
    results_file = f"{HERE}/results.json"
    results = json.load(open(results_file)) if options.only and os.path.exists(results_file) else {}
    say = lambda text: print(text, file=sys.stderr, flush=True)
    binary = f"{options.binaries}/sekisho"
    for part in wanted:
        with tempfile.TemporaryDirectory(prefix="sekisho-bench-") as home:
            os.chmod(home, 0o700)
            if part == "gateway":
                results[part] = gateway.measure(binary, home, options, say)
            elif part == "identity":
                argon2_rate = f"{options.binaries}/examples/argon2_rate"
                results[part] = identity.measure(binary, argon2_rate, home, options, say)
            else:
                results[part] = footprint.measure(binary, home, options, say)
        with open(results_file, "w") as file:
            json.dump(results, file, indent=1, sort_keys=True)
    report.write(results, f"{HERE}/../docs")


main()
