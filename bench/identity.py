"""Identity: what a grant, a refresh, an introspection, a code exchange and a login cost, in CPU time of its process."""

import subprocess

import load
from house import PASSWORD, Client, House

CHAINED = 1500
LOGINS = 40


def rate(server, work):
    """Operations per second of one core: how many were done, by the CPU time that they took."""
    before = server.cpu_s()
    done = work()
    return done / (server.cpu_s() - before)


def grants(house, server, seconds):
    body = "grant_type=client_credentials&scope=orders:read"
    return rate(server, lambda: posted(house, "/oauth2/token", body, "machine", seconds))


def introspections(house, server, seconds, token):
    return rate(server, lambda: posted(house, "/oauth2/introspect", f"token={token}", "service", seconds))


def posted(house, path, body, client, seconds):
    url = f"http://127.0.0.1:{house.identity_port}/realms/main{path}"
    kind = "application/x-www-form-urlencoded"
    return load.saturate(url, seconds, METHOD="POST", BODY=body, TYPE=kind, AUTHORIZATION=house.basic(client))["requests"]


def refreshes(client, server, refresh_token):
    def work():
        token = refresh_token
        for _ in range(CHAINED):
            token = client.refresh(token)["refresh_token"]
        return CHAINED

    return rate(server, work)


def code_exchanges(client, server):
    codes = [client.another_code() for _ in range(CHAINED // 3)]

    def work():
        for code in codes:
            client.redeem(code)
        return len(codes)

    return rate(server, work)


def logins(house, server):
    """Password logins through the challenge endpoint, each with a code that is not redeemed."""
    client = Client(house)

    def work():
        for _ in range(LOGINS):
            body = {"username": "alice", "password": PASSWORD, "scope": "orders:read"}
            answer, text = client.ask("POST", "/oauth2/challenge", body, {"Authorization": house.basic("gate")})
            if answer.status != 200:
                raise RuntimeError(f"login: {answer.status} {text}")
        return LOGINS

    return rate(server, work)


def measure(binary, argon2_rate, home, options, say):
    house = House(binary, home, "127.0.0.1:1")
    server = house.start_identity()
    client = Client(house)
    tokens = client.redeem(client.sign_in())
    jwt = tokens["access_token"]
    opaque_client = Client(house)
    family = opaque_client.redeem(opaque_client.sign_in())
    opaque = opaque_client.refresh(family["refresh_token"], "opaque")["access_token"]
    measured = {}
    try:
        for number in range(options.rounds):
            bare = float(subprocess.run([argon2_rate], capture_output=True, text=True, check=True).stdout)
            tokens = client.redeem(client.another_code())
            found = {
                "client credentials": grants(house, server, options.seconds),
                "introspection of a JWT": introspections(house, server, options.seconds, jwt),
                "introspection of an opaque token": introspections(house, server, options.seconds, opaque),
                "refresh": refreshes(client, server, tokens["refresh_token"]),
                "code exchange": code_exchanges(client, server),
                "password login": logins(house, server),
                "bare Argon2id": 1e6 / bare,
            }
            for name, value in found.items():
                measured.setdefault(name, []).append(value)
            say(f"identity, round {number + 1} of {options.rounds}")
        return {"per_core_s": measured}
    finally:
        server.stop()
