"""Measures everything and writes bench/results.json, docs/performance.md and its plots."""

import argparse
import json
import os
import shutil
import signal
import sys
import tempfile
import time

import footprint
import gateway
import identity
import machine
import postgres
import processes
import report

HERE = os.path.dirname(os.path.abspath(__file__))
RESULTS = f"{HERE}/results.json"
PARTS = ["gateway", "identity", "footprint"]
PROXIES = ["nginx", "haproxy", "envoy", "traefik", "caddy"]
PROGRAMS = {"gateway": ["wrk", "h2load", *PROXIES], "identity": ["wrk", "setpriv"], "footprint": ["wrk", "nginx", "setpriv"]}


def arguments():
    parser = argparse.ArgumentParser(prog="bench/run", description=__doc__)
    parser.add_argument("--binaries", required=True, help="the directory with the release binary and its examples")
    parser.add_argument("--rounds", type=at_least_one, default=7)
    parser.add_argument("--seconds", type=at_least_one, default=2, help="of load, for each case of each round")
    parser.add_argument("--only", choices=PARTS, action="append", help="this part; the other parts' last results stay")
    parser.add_argument("--report", action="store_true", help="measure nothing, write the page from the last results")
    return parser.parse_args()


def at_least_one(text):
    if (number := int(text)) < 1:
        raise argparse.ArgumentTypeError("at least 1")
    return number


def must_have(parts, binaries):
    """Says what is missing before anything is measured."""
    missing = sorted({name for part in parts for name in PROGRAMS[part] if not shutil.which(name)})
    missing += [path for path in (f"{binaries}/sekisho", f"{binaries}/examples/argon2_rate") if not os.path.exists(path)]
    if set(parts) & {"identity", "footprint"} and not postgres.programs():
        missing.append("PostgreSQL's initdb")
    if missing:
        sys.exit(f"the bench misses {', '.join(missing)}: `make bench` installs what Debian and PyPI have, and builds the rest")


def measure(part, options, load_before, say):
    binary, argon2_rate = f"{options.binaries}/sekisho", f"{options.binaries}/examples/argon2_rate"
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="sekisho-bench-") as home:
        os.chmod(home, 0o700)
        try:
            if part == "gateway":
                found = gateway.measure(binary, home, options, say)
            elif part == "identity":
                found = identity.measure(binary, argon2_rate, home, options, say)
            else:
                found = footprint.measure(binary, home, options, say)
        finally:
            processes.stop_all()
    run = {"rounds": options.rounds, "seconds": options.seconds, "took_s": round(time.monotonic() - began)}
    return {**found, "run": {**run, "load_before": load_before, "machine": machine.describe(part)}}


def main():
    options = arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended from outside"))
    say = lambda text: print(text, file=sys.stderr, flush=True)
    parts = [] if options.report else options.only or PARTS
    if parts:
        must_have(parts, options.binaries)
    partial = options.report or options.only
    results = json.load(open(RESULTS)) if partial and os.path.exists(RESULTS) else {}
    load_before = machine.load()
    for part in parts:
        results[part] = measure(part, options, load_before, say)
        say(f"{part}: {results[part]['run']['took_s']} s")
        with open(RESULTS, "w") as file:
            json.dump(results, file, indent=1)
            file.write("\n")
    report.write(results, f"{HERE}/../docs")


if __name__ == "__main__":
    main()
