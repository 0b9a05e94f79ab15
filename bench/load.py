"""Load: as fast as it goes (wrk) for CPU per request, and at a fixed rate (h2load) for latency."""

import json
import os
import subprocess

HERE = os.path.dirname(os.path.abspath(__file__))
CONNECTIONS = 64


def saturate(url, seconds, **environment):
    """Requests as fast as they are answered. Every answer must be a 2xx."""
    env = {**os.environ, **{name: str(value) for name, value in environment.items() if value is not None}}
    argv = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "-s", f"{HERE}/load.lua", url]
    done = subprocess.run(argv, env=env, capture_output=True, text=True, check=True)
    told = json.loads(done.stderr.strip().splitlines()[-1])
    if told["refused"] or told["broken"] or not told["requests"]:
        raise RuntimeError(f"{url}: {told}")
    return told


def at_rate(url, per_second, seconds, log, token):
    """Latencies in microseconds at a fixed rate, each counted from when the request was due to be sent."""
    clients = 32
    argv = ["h2load", "--h1", f"-c{clients}", "-t1", f"--rps={per_second / clients}", f"-D{seconds}", f"--log-file={log}"]
    if token:
        argv.append(f"--header=authorization: Bearer {token}")
    if os.path.exists(log):
        os.remove(log)
    subprocess.run([*argv, url], capture_output=True, check=True)
    latencies = []
    for line in open(log):
        _, status, micros = line.split("\t")[:3]
        if not status.startswith("2"):
            raise RuntimeError(f"{url} at a fixed rate: status {status}")
        latencies.append(int(micros))
    return sorted(latencies)
