"""Start-up time, memory when idle, memory for 100,000 live tokens; on SQLite and on PostgreSQL.

Memory is resident memory of Sekisho's process; PostgreSQL's own is not counted, its disk is.
"""

import http.client
import os
import time

import client
import load
import proxies
from house import House
from postgres import Postgres

LIVE = 100_000
WARM_UP = 5_000
PEOPLE, SESSIONS_EACH = 100, 5
WARM = 500
SETTLE_S = 2
# The gateway's `swapped_tokens` when nothing is said.
REMEMBERED = 20_000

IDENTITY, GATEWAY, TOGETHER = "identity alone", "gateway alone", "both in one process"


class Subject:
    """A house on one database, and how its three ways to run are started until they can do their work."""

    def __init__(self, binary, home, target, database):
        os.makedirs(home, mode=0o700)
        self.home, self.database = home, database
        self.house = House(binary, home, target, database and database.address, PEOPLE)
        identity = self.house.start_identity()
        self.token = client.machine_tokens(self.house, load.CONNECTIONS)[0]
        identity.stop()

    def start_identity(self):
        return self.until_ready(self.house.serve_identity, [self.keys_are_told])

    def start_gateway(self):
        return self.until_ready(self.house.serve_gateway, [self.admitted])

    def start_together(self):
        return self.until_ready(self.house.serve_together, [self.keys_are_told, self.admitted])

    def keys_are_told(self):
        return status(self.house.identity_port, "/realms/main/oauth2/jwks", {})

    def admitted(self):
        """A request with a token was verified and passed on: keys and feed are there."""
        return status(self.house.gateway_port, "/jwt", {"Authorization": f"Bearer {self.token}"})

    def until_ready(self, serve, questions, patience_s=20):
        """Asks again and again; 503 and a closed port mean not yet, anything else than 200 is an error."""
        began = time.monotonic()
        server = serve()
        for question in questions:
            while (told := question()) != 200:
                server.must_live()
                if told not in (None, 503) or time.monotonic() > began + patience_s:
                    raise RuntimeError(f"{server.name} is not ready: {told}")
                time.sleep(0.001)
        server.started_ms = (time.monotonic() - began) * 1e3
        return server

    def starts(self, count):
        """From before the process is made to its first useful answer, in milliseconds."""
        found = {IDENTITY: [], GATEWAY: [], TOGETHER: []}
        for _ in range(count):
            identity = self.start_identity()
            gateway = self.start_gateway()
            gateway.stop()
            identity.stop()
            together = self.start_together()
            together.stop()
            found[IDENTITY].append(identity.started_ms)
            found[GATEWAY].append(gateway.started_ms)
            found[TOGETHER].append(together.started_ms)
        return found

    def idle(self):
        """A while after the start, when nobody has asked for anything but the one request that told it is ready."""
        identity, gateway = self.start_identity(), self.start_gateway()
        found = {IDENTITY: settled(identity), GATEWAY: settled(gateway)}
        gateway.stop()
        identity.stop()
        together = self.start_together()
        found[TOGETHER] = settled(together)
        together.stop()
        return found

    def disk_bytes(self):
        if self.database:
            return self.database.size_bytes()
        folder = f"{self.home}/identity"
        return sum(os.path.getsize(f"{folder}/{name}") for name in os.listdir(folder) if os.path.isfile(f"{folder}/{name}"))

    def live(self, say):
        """Both in one process, its caches as usual: memory before, with the tokens live, and after each was used once."""
        warm_up, grants = self.sign_in_everybody()
        server = self.start_together()
        # Buffers of connections and of the database are not the tokens'; they are filled before.
        warm = client.opaque_tokens(self.house, warm_up, WARM_UP)
        opaque = f"{server.url}/opaque"
        self.use(opaque, warm[:WARM], "again", seconds=1)
        before, disk = settled(server), self.disk_bytes()
        tokens = client.opaque_tokens(self.house, grants, LIVE)
        minted, disk = settled(server), self.disk_bytes() - disk
        say(f"{LIVE} opaque tokens are live")
        self.use(opaque, tokens, "once", count=LIVE - client.SPARE)
        say("and used")
        found = {"before": before, "minted": minted, "used": settled(server), "disk_growth": disk}
        server.stop()
        return found

    def sign_in_everybody(self):
        """Two grants of each session. The process that hashes passwords, in memory that it keeps for a while, is another."""
        server = self.start_together()
        browsers = client.sign_in_everybody(self.house, SESSIONS_EACH)
        grants = [client.refresh_tokens(browsers, 1) for _ in range(2)]
        server.stop()
        if self.database:
            self.database.analyze()
        return grants

    def use(self, url, tokens, each, **told):
        lines = proxies.write(f"{self.home}/used", "\n".join(tokens))
        load.saturate(url, each=each, lines=lines, expect='"order"', **told)


def status(port, path, headers):
    """The status of one request on a connection of its own; None while nobody listens."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path, headers=headers)
        return connection.getresponse().status
    except ConnectionError:
        return None
    finally:
        connection.close()


def settled(server):
    """Resident memory, when what had to be given back had a while for it."""
    time.sleep(SETTLE_S)
    server.must_live()
    return server.resident_bytes()


def measure(binary, home, options, say):
    upstream = proxies.upstream(home)
    upstream.until_answers(upstream.url)
    database = Postgres(home)
    target = upstream.url.removeprefix("http://")
    found = {"live_tokens": LIVE, "remembered": REMEMBERED, "databases": {}}
    for name, held in [("SQLite", None), ("PostgreSQL", database)]:
        subject = Subject(binary, f"{home}/{name}", target, held)
        starts = subject.starts(options.rounds)
        say(f"starts on {name} are measured")
        found["databases"][name] = {"start_ms": starts, "idle": subject.idle(), "live": subject.live(say)}
    return found
