"""A PostgreSQL of the bench's own, from Debian's programs: a private directory, a free port, nobody's password."""

import glob
import os
import pwd
import shutil
import subprocess

from processes import Process, free_port


def programs():
    """Where initdb and postgres are, the newest of several; None if they are nowhere."""
    found = sorted(glob.glob("/usr/lib/postgresql/*/bin"), key=lambda path: int(path.split("/")[-2]))
    if found:
        return found[-1]
    initdb = shutil.which("initdb")
    return os.path.dirname(os.path.realpath(initdb)) if initdb else None


def as_somebody(home):
    """PostgreSQL refuses to run as root; the directory is given to whom it runs as."""
    if os.geteuid() != 0:
        return []
    somebody = pwd.getpwnam("postgres")
    os.chown(home, somebody.pw_uid, somebody.pw_gid)
    return ["setpriv", f"--reuid={somebody.pw_uid}", f"--regid={somebody.pw_gid}", "--clear-groups"]


class Postgres(Process):
    """Durable as it comes: fsync and synchronous_commit are on."""

    def __init__(self, home):
        data = f"{home}/postgres"
        os.makedirs(data, mode=0o700)
        # The directories above are the bench's alone; PostgreSQL must get through.
        os.chmod(home, 0o711)
        run, bin_ = as_somebody(data), programs()
        initdb = [*run, f"{bin_}/initdb", "-D", f"{data}/data", "-A", "trust", "-U", "sekisho"]
        subprocess.run(initdb, check=True, capture_output=True, cwd=data)
        port = free_port()
        options = ["-c", "listen_addresses=127.0.0.1", "-p", str(port), "-k", data]
        super().__init__("postgres", [*run, f"{bin_}/postgres", "-D", f"{data}/data", *options], f"{home}/postgres.log")
        self.address = f"postgres://sekisho@127.0.0.1:{port}/postgres"
        ready = [f"{bin_}/pg_isready", "-h", "127.0.0.1", "-p", str(port), "-t", "20"]
        while subprocess.run(ready, capture_output=True).returncode != 0:
            if self.child.poll() is not None:
                raise RuntimeError(f"PostgreSQL ended: see {home}/postgres.log")

    def analyze(self):
        """The planner's statistics, as autovacuum makes them within minutes; a database that was made just now has none."""
        self.ask("ANALYZE")

    def ask(self, *statements):
        """What psql prints, of each by itself."""
        asked = [word for statement in statements for word in ("-c", statement)]
        psql = [f"{programs()}/psql", "-qtAX", self.address, *asked]
        done = subprocess.run(psql, capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError(f"psql: {done.stderr.strip()}")
        return done.stdout

    def size_bytes(self):
        """What the database takes on disk, after what is in memory was written."""
        return int(self.ask("CHECKPOINT", "SELECT pg_database_size(current_database())"))
