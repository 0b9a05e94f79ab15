"""Identity: what a grant, a refresh, an introspection, a code exchange and a login cost, in CPU time of its process."""

import os
import subprocess

import client
import load
from house import PASSWORD, SCOPES, House
from postgres import Postgres
from proxies import write

PEOPLE, GRANTS_EACH, CODES_EACH = 20, 7, 32
CODES = PEOPLE * CODES_EACH - client.SPARE
WARM = 1_000
FIRST_SEEN = 4_000
CHAINED = 500
LOGINS = 40

LOGIN = "password login"
FIRST = "introspection of a JWT, first time"
INTROSPECTIONS = ["introspection of JWTs", "introspection of opaque tokens"]


class Subject:
    """An identity provider with its database, and what is asked of it."""

    def __init__(self, binary, argon2_rate, home, database=None):
        os.makedirs(home, mode=0o700)
        self.home, self.argon2_rate, self.database = home, argon2_rate, database
        self.house = House(binary, home, "127.0.0.1:1", database and database.address, PEOPLE)
        self.server = self.house.start_identity()
        self.servers = [self.server, database] if database else [self.server]

    def prepare(self):
        self.browsers = client.sign_in_everybody(self.house, 1)
        self.jwts = client.machine_tokens(self.house, WARM)
        grants = client.refresh_tokens(self.browsers, GRANTS_EACH)
        self.opaque = client.opaque_tokens(self.house, grants, WARM)
        if self.database:
            self.database.analyze()

    def rate(self, work):
        """Operations per second of one core: how many were done, by the CPU time that they took, the database's included."""
        used = lambda: sum(server.cpu_s() for server in self.servers)
        before = used()
        done = work()
        return done / (used() - before)

    def round(self, seconds):
        """Bare Argon2id stands beside the logins that are held against it."""
        jwts, opaque = INTROSPECTIONS
        return {
            "client credentials": self.grants(seconds),
            jwts: self.introspections(self.jwts, seconds=seconds, each="again"),
            opaque: self.introspections(self.opaque, seconds=seconds, each="again"),
            FIRST: self.first_introspections(),
            "refresh": self.refreshes(seconds),
            "refresh, one after the other": self.lone_refreshes(),
            "code exchange": self.code_exchanges(),
            "bare Argon2id": self.bare_argon2id(),
            LOGIN: self.logins(),
        }

    def post(self, path, **told):
        url = f"{self.house.realm_url}/oauth2/{path}"
        return load.saturate(url, method="POST", type=client.FORM, **told)["requests"]

    def grants(self, seconds):
        told = {**client.grant(self.house), "seconds": seconds}
        return self.rate(lambda: load.saturate(f"{self.house.realm_url}/oauth2/token", **told)["requests"])

    def introspections(self, tokens, **told):
        lines = write(f"{self.home}/introspected", "\n".join(tokens))
        told = {**told, "lines": lines, "as": "body", "prefix": "token=", "expect": '"active":true'}
        return self.rate(lambda: self.post("introspect", authorization=self.house.basic("service"), **told))

    def first_introspections(self):
        tokens = client.machine_tokens(self.house, FIRST_SEEN + client.SPARE)
        return self.introspections(tokens, count=FIRST_SEEN, each="once")

    def refreshes(self, seconds):
        grants = client.refresh_tokens(self.browsers, GRANTS_EACH)
        told = {**client.chain(self.house, grants, client.JWT), "seconds": seconds}
        return self.rate(lambda: load.saturate(f"{self.house.realm_url}/oauth2/token", **told)["requests"])

    def lone_refreshes(self):
        browser = self.browsers[0]
        token = browser.redeem(browser.another_code())["refresh_token"]

        def work():
            held = token
            for _ in range(CHAINED):
                held = browser.refresh(held)["refresh_token"]
            return CHAINED

        return self.rate(work)

    def code_exchanges(self):
        lines = write(f"{self.home}/codes", "\n".join(client.codes(self.browsers, CODES_EACH)))
        prefix = f"grant_type=authorization_code&client_id=app&redirect_uri={client.CALLBACK}&code_verifier={client.VERIFIER}&code="
        told = {"count": CODES, "each": "once", "lines": lines, "as": "body", "prefix": prefix, "expect": '"access_token"'}
        return self.rate(lambda: self.post("token", **told))

    def bare_argon2id(self):
        told = subprocess.run([self.argon2_rate, str(LOGINS)], capture_output=True, text=True, check=True).stdout
        return 1e6 / float(told)

    def logins(self):
        """Password logins through the challenge endpoint, each with a session and a code that is not redeemed."""
        gate = client.Client(self.house)
        body = {"username": gate.person, "password": PASSWORD, "scope": SCOPES}

        def work():
            for _ in range(LOGINS):
                answer, text = gate.ask("POST", "/oauth2/challenge", body, {"Authorization": self.house.basic("gate")})
                if answer.status != 200:
                    raise RuntimeError(f"login: {answer.status} {text}")
            return LOGINS

        return self.rate(work)


def measure(binary, argon2_rate, home, options, say):
    database = Postgres(home)
    subjects = {}
    for name, held in [("SQLite", None), ("PostgreSQL", database)]:
        subjects[name] = Subject(binary, argon2_rate, f"{home}/{name}", held)
        subjects[name].prepare()
    measured = {name: {} for name in subjects}
    for number in range(options.rounds):
        for name, subject in subjects.items():
            for operation, value in subject.round(options.seconds).items():
                measured[name].setdefault(operation, []).append(value)
        say(f"identity, round {number + 1} of {options.rounds}")
    return {"per_core_s": measured, "order": list(measured["SQLite"])}
