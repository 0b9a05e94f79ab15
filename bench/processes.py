"""Processes under measurement: starting them, their CPU time and memory, ending them.

CPU is that of the process and all its descendants, with threads and children that have ended meanwhile, so work that is
moved elsewhere is not lost.
"""

import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request

# Everything that was started and not stopped yet, in that order.
RUNNING = []
TICK_S = 1 / os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")


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
        RUNNING.append(self)

    def pids(self):
        """The process and all its descendants."""
        children = {}
        for entry in os.listdir("/proc"):
            if entry.isdigit():
                try:
                    parent = int(stat(entry)[1])
                except OSError:
                    continue
                children.setdefault(parent, []).append(int(entry))
        found, open_ones = [], [self.child.pid]
        while open_ones:
            pid = open_ones.pop()
            found.append(pid)
            open_ones.extend(children.get(pid, []))
        return found

    def cpu_s(self):
        """CPU time used so far."""
        return sum(cpu_of(pid) for pid in self.pids())

    def resident_bytes(self):
        total = 0
        for pid in self.pids():
            try:
                total += int(open(f"/proc/{pid}/statm").read().split()[1]) * PAGE
            except OSError:
                pass
        return total

    def must_live(self):
        if self.child.poll() is not None:
            last = open(self.log.name, errors="replace").read().strip().splitlines()[-5:]
            raise RuntimeError(f"{self.name} ended with {self.child.returncode}: " + " / ".join(last))

    def until_answers(self, url, patience_s=20):
        ends = time.monotonic() + patience_s
        while time.monotonic() < ends:
            self.must_live()
            try:
                with urllib.request.urlopen(url, timeout=1):
                    return
            except urllib.error.HTTPError:
                return
            except OSError:
                time.sleep(0.002)
        raise RuntimeError(f"{self.name} does not answer at {url}")

    def stop(self):
        RUNNING.remove(self)
        if self.child.poll() is None:
            os.killpg(self.child.pid, signal.SIGTERM)
            try:
                self.child.wait(5)
            except subprocess.TimeoutExpired:
                os.killpg(self.child.pid, signal.SIGKILL)
                self.child.wait()
        self.log.close()


def stop_all():
    """What came last goes first."""
    while RUNNING:
        RUNNING[-1].stop()


def stat(pid):
    """/proc/PID/stat after the name: [0] is the state, [1] the parent."""
    with open(f"/proc/{pid}/stat") as file:
        return file.read().rsplit(")", 1)[1].split()


def cpu_of(pid):
    """The process's CPU clock in nanoseconds, ended threads included, and the ticks of its ended children."""
    cputime_clock = (~pid << 3) | 2  # clock_getcpuclockid(3), which Python lacks: CPUCLOCK_SCHED of a process.
    try:
        cutime, cstime = stat(pid)[13:15]
        return time.clock_gettime(cputime_clock) + (int(cutime) + int(cstime)) * TICK_S
    except OSError:
        return 0.0
