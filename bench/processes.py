"""Processes under measurement: starting them, their CPU time and memory, ending them.

CPU is utime + stime of the process and all its descendants, from /proc, so work that is moved to a child is not lost.
"""

import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request

TICK_S = 1 / os.sysconf("SC_CLK_TCK")


def free_port():
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return held.getsockname()[1]


class Process:
    """A server on loopback."""

    def __init__(self, name, argv, log, env=None):
        self.name = name
        self.log = open(log, "ab")
        environment = {**os.environ, **(env or {})}
        self.child = subprocess.Popen(
            argv, stdout=self.log, stderr=self.log, stdin=subprocess.DEVNULL, env=environment, start_new_session=True
        )

    def pids(self):
        """The process and all its descendants."""
        children = {}
        for entry in os.listdir("/proc"):
            if entry.isdigit():
                try:
                    stat = open(f"/proc/{entry}/stat").read()
                except OSError:
                    continue
                parent = int(stat.rsplit(")", 1)[1].split()[1])
                children.setdefault(parent, []).append(int(entry))
        found, open_ones = [], [self.child.pid]
        while open_ones:
            pid = open_ones.pop()
            found.append(pid)
            open_ones.extend(children.get(pid, []))
        return found

    def cpu_s(self):
        """CPU time used so far, by scheduler accounting in nanoseconds where the kernel has it."""
        return sum(cpu_of(pid) for pid in self.pids())

    def resident_bytes(self):
        total = 0
        for pid in self.pids():
            try:
                total += int(open(f"/proc/{pid}/statm").read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
            except OSError:
                pass
        return total

    def until_answers(self, url, patience_s=20):
        ends = time.monotonic() + patience_s
        while time.monotonic() < ends:
            if self.child.poll() is not None:
                raise RuntimeError(f"{self.name} ended: see {self.log.name}")
            try:
                with urllib.request.urlopen(url, timeout=1):
                    return
            except urllib.error.HTTPError:
                return
            except OSError:
                time.sleep(0.002)
        raise RuntimeError(f"{self.name} does not answer at {url}")

    def stop(self):
        if self.child.poll() is None:
            os.killpg(self.child.pid, signal.SIGTERM)
            try:
                self.child.wait(5)
            except subprocess.TimeoutExpired:
                os.killpg(self.child.pid, signal.SIGKILL)
                self.child.wait()
        self.log.close()


def cpu_of(pid):
    try:
        threads = os.listdir(f"/proc/{pid}/task")
    except OSError:
        return 0.0
    total = 0
    for thread in threads:
        try:
            total += int(open(f"/proc/{pid}/task/{thread}/schedstat").read().split()[0])
        except OSError:
            pass
    return total / 1e9
