"""The gateway against other proxies: CPU per request in interleaved rounds, and latency at a fixed rate."""

import json
import urllib.error
import urllib.request

import load
import proxies
from house import Client, House

JWTS = 20_000
OPAQUE_TOKENS = 1_000
RATE = 1500


class Case:
    """A proxy, what is asked of it, and against which other case it is held."""

    def __init__(self, name, server, path, tokens, against=None):
        self.name, self.server, self.url, self.tokens, self.against = name, server, server.url + path, tokens, against

    def check(self):
        """One request, so that what is wrong shows in words and not as a count."""
        token = open(self.tokens).readline().strip()
        request = urllib.request.Request(self.url, headers={"Authorization": f"Bearer {token}"})
        try:
            urllib.request.urlopen(request).read()
        except urllib.error.HTTPError as error:
            raise RuntimeError(f"{self.name}: {error.code} {error.read()[:300]}") from error

    def cpu_us(self, seconds):
        before = self.server.cpu_s()
        told = load.saturate(self.url, seconds, TOKENS=self.tokens)
        return (self.server.cpu_s() - before) * 1e6 / told["requests"]


def tokens(house, home):
    """Files of tokens: one JWT, many that were never seen, one opaque token, many opaque tokens of one sign-in."""
    client = Client(house)
    jwts = [client.machine_token() for _ in range(JWTS)]
    client = Client(house)
    family = client.redeem(client.sign_in())
    opaque, refresh = [], family["refresh_token"]
    for _ in range(OPAQUE_TOKENS):
        renewed = client.refresh(refresh, "opaque")
        opaque.append(renewed["access_token"])
        refresh = renewed["refresh_token"]
    save = lambda name, lines: proxies.write(f"{home}/{name}", "\n".join(lines))
    return {
        "jwt": save("jwt", jwts[:1]),
        "jwts": save("jwts", jwts),
        "opaque": save("opaque", opaque[:1]),
        "opaques": save("opaques", opaque),
    }


def issuer(house):
    """What other verifiers have to know of ours."""
    with urllib.request.urlopen(f"http://127.0.0.1:{house.identity_port}/realms/main/oauth2/jwks") as answer:
        jwks = json.load(answer)
    return {"issuer": house.issuer, "jwks": jwks, "pem": pem(jwks["keys"][0])}


def pem(jwk):
    """SubjectPublicKeyInfo of a P-256 key (RFC 5480 §2), for HAProxy."""
    import base64
    import textwrap

    point = b"".join(base64.urlsafe_b64decode(jwk[part] + "==") for part in ("x", "y"))
    der = bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d03010703420004") + point
    lines = textwrap.wrap(base64.b64encode(der).decode(), 64)
    return "\n".join(["-----BEGIN PUBLIC KEY-----", *lines, "-----END PUBLIC KEY-----", ""])


def cases(home, target, gateway, known_issuer, files):
    started = [
        nginx := proxies.nginx_proxy(home, target),
        haproxy := proxies.haproxy(home, target),
        haproxy_jwt := proxies.haproxy_jwt(home, target, known_issuer),
        envoy := proxies.envoy(home, target),
        envoy_jwt := proxies.envoy(home, target, "envoy-jwt", known_issuer),
        traefik := proxies.traefik(home, target),
        caddy := proxies.caddy(home, target),
    ]
    jwt, jwts, opaques = files["jwt"], files["jwts"], files["opaques"]
    made = [
        Case("nginx, JWT passed through", nginx, "/", jwt),
        Case("nginx, the same again", nginx, "/", jwt, "nginx, JWT passed through"),
        Case("nginx, opaque token passed through", nginx, "/", opaques),
        Case("haproxy", haproxy, "/", jwt, "nginx, JWT passed through"),
        Case("haproxy, ES256 each time", haproxy_jwt, "/", jwt, "nginx, JWT passed through"),
        Case("envoy", envoy, "/", jwt, "nginx, JWT passed through"),
        Case("envoy, JWT in its cache", envoy_jwt, "/", jwt, "nginx, JWT passed through"),
        Case("envoy, JWT cold", envoy_jwt, "/", jwts, "nginx, JWT passed through"),
        Case("traefik", traefik, "/", jwt, "nginx, JWT passed through"),
        Case("caddy", caddy, "/", jwt, "nginx, JWT passed through"),
        Case("sekisho, open", gateway, "/open", jwt, "nginx, JWT passed through"),
        Case("sekisho, JWT hit", gateway, "/jwt", jwt, "nginx, JWT passed through"),
        Case("sekisho, JWT hit ÷ envoy's", gateway, "/jwt", jwt, "envoy, JWT in its cache"),
        Case("sekisho, opaque swap", gateway, "/opaque", opaques, "nginx, opaque token passed through"),
    ]
    return started, made


def rounds(made, count, seconds, say):
    """CPU microseconds per request of each case in each round; the order turns from round to round."""
    measured = {case.name: [] for case in made}
    for number in range(count):
        turned = made[number % len(made) :] + made[: number % len(made)]
        for case in turned if number % 2 == 0 else reversed(turned):
            measured[case.name].append(case.cpu_us(seconds))
        say(f"round {number + 1} of {count}")
    return measured


def cold_jwts(house, home, target, files, count, seconds):
    """Each round has a gateway that has seen none of the tokens, and a list longer than what is asked for."""
    measured = []
    for _ in range(count):
        gateway = house.start_gateway()
        try:
            measured.append(Case("", gateway, "/jwt", files["jwts"]).cpu_us(seconds))
        finally:
            gateway.stop()
    return measured


def latencies(made, home, seconds, say):
    told = {}
    for case in made:
        if case.name in LATENCY_OF:
            token = open(case.tokens).readline().strip()
            load.saturate(case.url, 1, TOKENS=case.tokens)
            found = load.at_rate(case.url, RATE, seconds, f"{home}/latency.log", token)
            told[case.name] = {f"p{p}": found[min(len(found) - 1, int(len(found) * p / 100))] for p in (50, 90, 99)}
            say(f"latency of {case.name}")
    return {"rate": RATE, "us": told}


LATENCY_OF = [
    "nginx, JWT passed through",
    "haproxy",
    "envoy, JWT in its cache",
    "traefik",
    "caddy",
    "sekisho, open",
    "sekisho, JWT hit",
    "sekisho, opaque swap",
]


def measure(binary, home, options, say):
    upstream = proxies.upstream(home)
    target = upstream.url.removeprefix("http://")
    upstream.until_answers(upstream.url)
    house = House(binary, home, target)
    identity = house.start_identity()
    files = tokens(house, home)
    say("tokens are there")
    cold = cold_jwts(house, home, target, files, options.rounds, options.seconds)
    say("cold JWTs are measured")
    gateway = house.start_gateway()
    started, made = cases(home, target, gateway, issuer(house), files)
    try:
        for server in started:
            server.until_answers(server.url)
        for case in made:
            case.check()
            case.cpu_us(1)
        measured = rounds(made, options.rounds, options.seconds, say)
        measured["sekisho, JWT cold"] = cold
        against = {case.name: case.against for case in made if case.against}
        against["sekisho, JWT cold"] = "nginx, JWT passed through"
        at_rate = latencies(made, home, options.seconds * 2, say)
        resident = {server.name: server.resident_bytes() for server in [*started, gateway]}
        return {"cpu_us": measured, "against": against, "latency": at_rate, "resident_bytes": resident}
    finally:
        for server in [*started, gateway, identity, upstream]:
            server.stop()
