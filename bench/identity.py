"""Identity: what a grant, a refresh, an introspection, a code exchange and a login cost, in CPU time of its process."""

import os
import subprocess

import load
from house import PASSWORD, Client, House
from postgres import Postgres

CHAINED = 1500
LOGINS = 40


def rate(servers, work):
    """Operations per second of one core: how many were done, by the CPU time that they took, the database's included."""
    used = lambda: sum(server.cpu_s() for server in servers)
    before = used()
    done = work()
    return done / (used() - before)


def grants(house, servers, seconds):
    body = "grant_type=client_credentials&scope=orders:read"
    return rate(servers, lambda: posted(house, "/oauth2/token", body, "machine", seconds))


def introspections(house, servers, seconds, token):
    return rate(servers, lambda: posted(house, "/oauth2/introspect", f"token={token}", "service", seconds))


def posted(house, path, body, client, seconds):
    url = f"http://127.0.0.1:{house.identity_port}/realms/main{path}"
    kind = "application/x-www-form-urlencoded"
    return load.saturate(url, seconds, METHOD="POST", BODY=body, TYPE=kind, AUTHORIZATION=house.basic(client))["requests"]


def refreshes(client, servers, refresh_token):
    def work():
        token = refresh_token
        for _ in range(CHAINED):
            token = client.refresh(token)["refresh_token"]
        return CHAINED

    return rate(servers, work)


def code_exchanges(client, servers):
    codes = [client.another_code() for _ in range(CHAINED // 3)]

    def work():
        for code in codes:
            client.redeem(code)
        return len(codes)

    return rate(servers, work)


def logins(house, servers):
    """Password logins through the challenge endpoint, each with a code that is not redeemed."""
    client = Client(house)

    def work():
        for _ in range(LOGINS):
            body = {"username": "alice", "password": PASSWORD, "scope": "orders:read"}
            answer, text = client.ask("POST", "/oauth2/challenge", body, {"Authorization": house.basic("gate")})
            if answer.status != 200:
                raise RuntimeError(f"login: {answer.status} {text}")
        return LOGINS

    return rate(servers, work)


class Subject:
    """An identity provider with its database, and what is asked of it."""

    def __init__(self, binary, home, database=None):
        os.makedirs(home, mode=0o700)
        self.house = House(binary, home, "127.0.0.1:1", database and database.address)
        self.server = self.house.start_identity()
        self.servers = [self.server, database] if database else [self.server]
        self.client = Client(self.house)
        self.jwt = self.client.redeem(self.client.sign_in())["access_token"]
        other = Client(self.house)
        family = other.redeem(other.sign_in())
        self.opaque = other.refresh(family["refresh_token"], "opaque")["access_token"]

    def round(self, seconds):
        house, servers, client = self.house, self.servers, self.client
        tokens = client.redeem(client.another_code())
        return {
            "client credentials": grants(house, servers, seconds),
            "introspection of a JWT": introspections(house, servers, seconds, self.jwt),
            "introspection of an opaque token": introspections(house, servers, seconds, self.opaque),
            "refresh": refreshes(client, servers, tokens["refresh_token"]),
            "code exchange": code_exchanges(client, servers),
            "password login": logins(house, servers),
        }


def measure(binary, argon2_rate, home, options, say):
    database = Postgres(home)
    subjects = {}
    try:
        subjects["SQLite"] = Subject(binary, f"{home}/sqlite")
        subjects["PostgreSQL"] = Subject(binary, f"{home}/on-postgres", database)
        measured = {name: {} for name in subjects}
        bare = []
        for number in range(options.rounds):
            told = subprocess.run([argon2_rate], capture_output=True, text=True, check=True).stdout
            bare.append(1e6 / float(told))
            for name, subject in subjects.items():
                for operation, value in subject.round(options.seconds).items():
                    measured[name].setdefault(operation, []).append(value)
            say(f"identity, round {number + 1} of {options.rounds}")
        return {"per_core_s": measured, "bare_argon2id_s": bare}
    finally:
        for subject in subjects.values():
            subject.server.stop()
        database.stop()
