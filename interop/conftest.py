"""`sekisho demo` as every suite below finds it: the real binary, free ports, a directory of its own.

What is known of it is what `demo.json` says (docs/demo.schema.json); no address, name or secret is written down here.
"""

import json
import os
import pathlib
import signal
import subprocess
import tempfile
import time

import pytest

ROOT = pathlib.Path(__file__).parent.parent
#: How long a start or an end may take, in seconds; a debug build hashes the passwords of four people.
PATIENCE_S = 60


class Demo:
    """A running demo and what it says of itself."""

    def __init__(self, process, data, manifest):
        self.process = process
        #: Its data directory.
        self.data = data
        self.manifest = manifest
        self.gateway = manifest["gateway"]
        self.issuer = manifest["issuer"]

    def password(self, name):
        """Of somebody who can sign in."""
        return next(user["password"] for user in self.manifest["users"] if user["name"] == name)

    def client(self, client_id):
        """The entry of a client: its secret, where it has one, and its redirect URIs."""
        return next(client for client in self.manifest["clients"] if client["client_id"] == client_id)

    def route(self, name):
        """The entry of a route of the gateway."""
        return next(route for route in self.manifest["routes"] if route["name"] == name)


def binary():
    """The binary under test."""
    named = os.environ.get("SEKISHO")
    built = ROOT / os.environ.get("CARGO_TARGET_DIR", "target") / "debug" / "sekisho"
    found = pathlib.Path(named) if named else built
    assert found.is_file(), f"no binary at {found}: `cargo build --all-features --bin sekisho`, or set SEKISHO"
    return found


def ready(process, path):
    """The manifest, as soon as it is there."""
    deadline = time.monotonic() + PATIENCE_S
    while not path.exists():
        assert process.poll() is None, f"the demo ended with {process.returncode}"
        assert time.monotonic() < deadline, f"the demo was not ready within {PATIENCE_S} s"
        time.sleep(0.05)
    return json.loads(path.read_text())


@pytest.fixture(scope="session")
def demo():
    """One house for all tests of a suite; each test signs in for itself."""
    ports = ["--gateway-port", "0", "--identity-port", "0", "--operations-port", "0"]
    with tempfile.TemporaryDirectory(prefix="sekisho-interop-") as data:
        process = subprocess.Popen([binary(), "demo", *ports, "--data", data], stdout=subprocess.DEVNULL)
        try:
            yield Demo(process, data, ready(process, pathlib.Path(data) / "demo.json"))
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                ended = process.wait(PATIENCE_S)
            except subprocess.TimeoutExpired:
                process.kill()
                raise
        assert ended == 0, f"SIGTERM drains and ends well, but the demo ended with {ended}"
