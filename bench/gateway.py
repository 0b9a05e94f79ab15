"""The gateway against other proxies: CPU per request in interleaved rounds, and latency at a fixed rate.

Warm cases bring the same thousand tokens over and over. Cold ones bring tokens that nobody has sent before, each once: every
round has a list of its own, which all who verify get.
"""

import base64
import json
import random
import textwrap
import urllib.error
import urllib.request

import client
import load
import proxies
from house import House

WARM = 1_000
COLD_JWTS = 12_000
COLD_OPAQUE = 4_000
RATE = 1_500
LATENCY_ROUNDS = 3
PEOPLE, SESSIONS_EACH, GRANTS_EACH = 20, 2, 4

NGINX, NGINX_OPAQUE = "nginx, JWT passed through", "nginx, opaque token passed through"
ENVOY_HIT, ENVOY_COLD = "envoy, JWT in its cache", "envoy, JWT cold"
HAPROXY_COLD = "haproxy, JWT verified each time"
OPEN, HIT, COLD = "sekisho, open", "sekisho, JWT hit", "sekisho, JWT cold"
SWAP, SWAP_COLD = "sekisho, opaque swap", "sekisho, opaque cold"
LATENCY_OF = [NGINX, "haproxy", ENVOY_HIT, "traefik", "caddy", OPEN, HIT, SWAP]


class Case:
    """A proxy, what is asked of it, and against which other cases it is held."""

    def __init__(self, name, server, path, tokens, against=()):
        self.name, self.server, self.url, self.tokens, self.against = name, server, server.url + path, tokens, against

    def check(self):
        """One request, so that what is wrong shows in words and not as a count."""
        request = urllib.request.Request(self.url, headers={"Authorization": f"Bearer {self.tokens.one()}"})
        try:
            answer = urllib.request.build_opener(NoRedirect).open(request)
        except urllib.error.HTTPError as error:
            raise RuntimeError(f"{self.name}: {error.code} {error.read()[:300]}") from error
        if answer.status != 200 or answer.read().decode() != proxies.UPSTREAM_BODY:
            raise RuntimeError(f"{self.name}: {answer.status}, and not what the upstream says")

    def refuses(self):
        """A proxy that verifies does not pass on what it cannot verify."""
        request = urllib.request.Request(self.url, headers={"Authorization": f"Bearer {self.tokens.spoilt()}"})
        try:
            urllib.request.build_opener(NoRedirect).open(request)
        except urllib.error.HTTPError as error:
            if error.code == 401:
                return
            raise RuntimeError(f"{self.name}: a spoilt token brings {error.code}, not 401") from error
        raise RuntimeError(f"{self.name}: a spoilt token was let through")

    def cpu_us(self, seconds, number):
        before = self.server.cpu_s()
        found = load.saturate(self.url, expect='"order"', **self.tokens.load(seconds, number))
        return (self.server.cpu_s() - before) * 1e6 / found["requests"]


class NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


class Warm:
    """The same tokens over and over, for some seconds."""

    def __init__(self, home, name, tokens):
        self.tokens = tokens
        self.file = proxies.write(f"{home}/{name}", "\n".join(tokens))

    def one(self):
        return self.tokens[0]

    def spoilt(self):
        """The last character but five belongs to the signature of a JWT and to the secret part of an opaque token."""
        token = self.tokens[0]
        return token[:-5] + ("A" if token[-5] != "A" else "B") + token[-4:]

    def load(self, seconds, number):
        return {"seconds": seconds, "each": "again", "lines": self.file}


class Cold(Warm):
    """A list for each round, and one to warm up with; each token once."""

    def __init__(self, home, name, tokens, count):
        size = count + client.SPARE
        self.count, self.tokens = count, tokens
        lists = [tokens[at : at + size] for at in range(1, len(tokens), size)]
        self.files = [proxies.write(f"{home}/{name}-{number}", "\n".join(lines)) for number, lines in enumerate(lists)]

    @staticmethod
    def needed(count, rounds):
        """With one for the check."""
        return 1 + (count + client.SPARE) * (rounds + 1)

    def load(self, seconds, number):
        return {"count": self.count, "each": "once", "lines": self.files[number]}


def tokens(house, home, rounds):
    jwts = client.machine_tokens(house, WARM + Cold.needed(COLD_JWTS, rounds))
    browsers = client.sign_in_everybody(house, SESSIONS_EACH)
    grants = client.refresh_tokens(browsers, GRANTS_EACH)
    opaque = client.opaque_tokens(house, grants, WARM + Cold.needed(COLD_OPAQUE, rounds))
    return {
        "jwt": Warm(home, "jwt", jwts[:WARM]),
        "jwt cold": Cold(home, "jwt-cold", jwts[WARM:], COLD_JWTS),
        "opaque": Warm(home, "opaque", opaque[:WARM]),
        "opaque cold": Cold(home, "opaque-cold", opaque[WARM:], COLD_OPAQUE),
    }


def issuer(house):
    """What other verifiers have to know of ours."""
    with urllib.request.urlopen(f"{house.realm_url}/oauth2/jwks") as answer:
        jwks = json.load(answer)
    return {"issuer": house.issuer, "jwks": jwks, "pem": pem(jwks["keys"][0])}


def pem(jwk):
    """SubjectPublicKeyInfo of a P-256 key (RFC 5480 §2), for HAProxy."""
    point = b"".join(base64.urlsafe_b64decode(jwk[part] + "==") for part in ("x", "y"))
    der = bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d03010703420004") + point
    lines = textwrap.wrap(base64.b64encode(der).decode(), 64)
    return "\n".join(["-----BEGIN PUBLIC KEY-----", *lines, "-----END PUBLIC KEY-----", ""])


def others(home, target, known_issuer):
    """Every proxy that Sekisho is held against, started."""
    return {
        "nginx": proxies.nginx_proxy(home, target),
        "haproxy": proxies.haproxy(home, target),
        "haproxy-jwt": proxies.haproxy_jwt(home, target, known_issuer),
        "envoy": proxies.envoy(home, target),
        "envoy-jwt": proxies.envoy(home, target, "envoy-jwt", known_issuer),
        "traefik": proxies.traefik(home, target),
        "caddy": proxies.caddy(home, target),
    }


def cases(of, gateway, given):
    """The same nginx and the same Sekisho stand twice: what lies between their two figures is noise."""
    jwt, jwt_cold, opaque, opaque_cold = (given[name] for name in ("jwt", "jwt cold", "opaque", "opaque cold"))
    return [
        Case(NGINX, of["nginx"], "/", jwt),
        Case("nginx, the same again", of["nginx"], "/", jwt, [NGINX]),
        Case(NGINX_OPAQUE, of["nginx"], "/", opaque),
        Case("haproxy", of["haproxy"], "/", jwt, [NGINX]),
        Case("envoy", of["envoy"], "/", jwt, [NGINX]),
        Case("traefik", of["traefik"], "/", jwt, [NGINX]),
        Case("caddy", of["caddy"], "/", jwt, [NGINX]),
        Case(OPEN, gateway, "/open", jwt, [NGINX]),
        Case(HIT, gateway, "/jwt", jwt, [NGINX, ENVOY_HIT]),
        Case("sekisho, JWT hit, the same again", gateway, "/jwt", jwt, [HIT]),
        Case(SWAP, gateway, "/opaque", opaque, [NGINX_OPAQUE]),
        Case(ENVOY_HIT, of["envoy-jwt"], "/", jwt, [NGINX]),
        Case(COLD, gateway, "/jwt", jwt_cold, [NGINX, ENVOY_COLD]),
        Case(ENVOY_COLD, of["envoy-jwt"], "/", jwt_cold, [NGINX]),
        Case(HAPROXY_COLD, of["haproxy-jwt"], "/", jwt_cold, [NGINX]),
        Case(SWAP_COLD, gateway, "/opaque", opaque_cold, [NGINX_OPAQUE]),
    ]


VERIFY = [HIT, SWAP, COLD, SWAP_COLD, ENVOY_HIT, ENVOY_COLD, HAPROXY_COLD]


def rounds(made, count, seconds, say):
    """CPU microseconds per request of each case in each round."""
    measured = {case.name: [] for case in made}
    for number in range(count):
        for case in mixed(made, number):
            measured[case.name].append(case.cpu_us(seconds, number + 1))
        say(f"gateway, round {number + 1} of {count}")
    return measured


def mixed(made, number):
    """The order of a round: another in each, the same in every run. So no case has the same neighbours twice."""
    return random.Random(number).sample(made, len(made))


def latencies(made, home, seconds, say):
    """Percentiles of each round, of all who are in `LATENCY_OF`."""
    chosen = [case for case in made if case.name in LATENCY_OF]
    found = {case.name: {"p50": [], "p90": [], "p99": []} for case in chosen}
    for number in range(LATENCY_ROUNDS):
        for case in mixed(chosen, number):
            micros = load.at_rate(case.url, RATE, seconds, f"{home}/latency.log", case.tokens.one())
            for name, values in found[case.name].items():
                values.append(micros[min(len(micros) - 1, len(micros) * int(name[1:]) // 100)])
        say(f"latency, round {number + 1} of {LATENCY_ROUNDS}")
    return {"rate": RATE, "connections": load.LATENCY_CLIENTS, "us": found}


def measure(binary, home, options, say):
    upstream = proxies.upstream(home)
    upstream.until_answers(upstream.url)
    house = House(binary, home, upstream.url.removeprefix("http://"), people=PEOPLE)
    house.start_identity()
    given = tokens(house, home, options.rounds)
    say("tokens are there")
    gateway = house.start_gateway()
    of = others(home, house.target, issuer(house))
    for server in of.values():
        server.until_answers(server.url)
    made = cases(of, gateway, given)
    for case in made:
        case.check()
        if case.name in VERIFY:
            case.refuses()
        case.cpu_us(1, 0)
    say("everybody is warm")
    measured = rounds(made, options.rounds, options.seconds, say)
    return {
        "cpu_us": measured,
        "order": [case.name for case in made],
        "against": {case.name: list(case.against) for case in made},
        "cold": {"jwts": COLD_JWTS, "opaque": COLD_OPAQUE},
        "latency": latencies(made, home, options.seconds, say),
        "resident_bytes": {server.name: server.resident_bytes() for server in [*of.values(), gateway]},
    }
