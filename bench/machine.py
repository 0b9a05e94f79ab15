"""The machine and the programs that were measured, for those who compare results."""

import os
import platform
import re
import subprocess

import postgres

ASKED = {
    "gateway": {
        "nginx": ["nginx", "-v"],
        "HAProxy": ["haproxy", "-v"],
        "Envoy": ["envoy", "--version"],
        "Traefik": ["traefik", "version"],
        "Caddy": ["caddy", "version"],
    },
    "identity": {},
    "footprint": {},
}


def load():
    """How many processes wanted to run in the last minute. Asked before we begin: near 0 is a quiet machine."""
    return round(os.getloadavg()[0], 2)


def describe(part):
    asked = dict(ASKED[part])
    if part != "gateway":
        asked["PostgreSQL"] = [f"{postgres.programs()}/postgres", "--version"]
    found = {"processor": processor(), "cores": os.cpu_count(), "kernel": kernel()}
    return {**found, "programs": {name: version(argv) for name, argv in asked.items()}}


def kernel():
    return f"{platform.system()} {'.'.join(platform.release().split('.')[:2])}"


def processor():
    named = re.search(r"^model name\s*: (.*)$", open("/proc/cpuinfo").read(), re.MULTILINE)
    return named.group(1) if named else platform.machine()


def version(argv):
    done = subprocess.run(argv, capture_output=True, text=True, check=True)
    return re.search(r"\d+\.\d+(\.\d+)?", re.sub(r"\b[0-9a-f]{40}\b", "", done.stdout + done.stderr)).group()
