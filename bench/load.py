"""Load: as fast as it goes (wrk) for CPU per request, and at a fixed rate (h2load) for latency.

Every answer is looked at: a status other than 200, a body that is not the expected one, a broken connection or a list of
tokens that runs out ends the measurement.
"""

import json
import os
import subprocess

HERE = os.path.dirname(os.path.abspath(__file__))
CONNECTIONS = 64
# For a run by count: a machine with other work may be slow.
PATIENCE_S = 400


class LoadError(RuntimeError):
    pass


def saturate(url, seconds=None, connections=CONNECTIONS, **told):
    """Requests as fast as they are answered, for some seconds or until `count` answers; see load.lua for what may be told."""
    if (seconds is None) == ("count" not in told):
        raise ValueError("either seconds or a count")
    names = {"lines": "LINES_FILE"}
    said = {names.get(name, name.upper()): str(value) for name, value in told.items() if value is not None}
    lasts = seconds or PATIENCE_S
    argv = ["wrk", "-t1", f"-c{connections}", f"-d{lasts}s", "--timeout", "10s", "-s", f"{HERE}/load.lua", url]
    done = subprocess.run(argv, env={**os.environ, **said}, capture_output=True, text=True)
    if done.returncode != 0:
        raise LoadError(f"{url}: wrk ended with {done.returncode}: {done.stderr.strip() or done.stdout.strip()}")
    found = json.loads(done.stderr.strip().splitlines()[-1])
    if found["wrong"]:
        status, body = found["wrong_status"], found["wrong_body"].strip()
        raise LoadError(f"{url}: {found['wrong']} of {found['requests']} answers are wrong; the first: {status} {body}")
    if found["broken"]:
        raise LoadError(f"{url}: {found['broken']} connections failed or timed out")
    if not found["requests"]:
        raise LoadError(f"{url}: no answers in {lasts} s")
    if found["requests"] < told.get("count", 0):
        raise LoadError(f"{url}: {found['requests']} answers in {lasts} s, not {told['count']}")
    return found


LATENCY_CLIENTS = 32


def at_rate(url, per_second, seconds, log, token):
    """Latencies in microseconds at a fixed rate, each counted from when the request was sent."""
    clients = LATENCY_CLIENTS
    argv = ["h2load", "--h1", f"-c{clients}", "-t1", f"--rps={per_second / clients}", f"-D{seconds}", f"--log-file={log}"]
    argv.append(f"--header=authorization: Bearer {token}")
    if os.path.exists(log):
        os.remove(log)
    done = subprocess.run([*argv, url], capture_output=True, text=True)
    if done.returncode != 0:
        raise LoadError(f"{url} at a fixed rate: h2load ended with {done.returncode}: {done.stderr.strip()}")
    latencies = []
    for line in open(log):
        _, status, micros = line.split("\t")[:3]
        if status != "200":
            raise LoadError(f"{url} at a fixed rate: status {status}")
        latencies.append(int(micros))
    if len(latencies) < 0.95 * per_second * seconds:
        raise LoadError(f"{url} at a fixed rate: {len(latencies)} answers, of {per_second * seconds} that were due")
    return sorted(latencies)
