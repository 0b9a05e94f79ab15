"""What clients of identity do: one of them step by step, and many at once (with wrk). This side's work is not measured."""

import base64
import hashlib
import http.client
import json
import re
import time
import urllib.parse
from concurrent.futures import ThreadPoolExecutor

import load
from house import PASSWORD, SCOPES
from proxies import write

FORM = "application/x-www-form-urlencoded"
CALLBACK = "http://127.0.0.1/callback"
VERIFIER = "a-verifier-of-at-least-forty-three-characters-0"
OPAQUE = "urn:ietf:params:oauth:token-type:access_token"
JWT = "urn:ietf:params:oauth:token-type:jwt"
IDLE_S = 2
# Lines beyond those that are used: what other connections send while the last counted answer is on its way.
SPARE = 2 * load.CONNECTIONS


class Client:
    """A browser of a person with the public client `app`, on one connection."""

    def __init__(self, house, person=None):
        self.house, self.person = house, person or house.people[0]
        self.connection = http.client.HTTPConnection("127.0.0.1", house.identity_port)
        self.answered_at = time.monotonic()
        self.cookies = {}

    def ask(self, method, path, body=None, headers=None):
        headers = dict(headers or {})
        if self.cookies:
            headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        if body is not None:
            body = urllib.parse.urlencode(body)
            headers["Content-Type"] = FORM
        # Identity ends connections that nobody uses.
        if time.monotonic() > self.answered_at + IDLE_S:
            self.connection.close()
        self.connection.request(method, f"/realms/main{path}", body, headers)
        answer = self.connection.getresponse()
        for name, value in answer.getheaders():
            if name.lower() == "set-cookie":
                cookie, _, rest = value.partition("=")
                self.cookies[cookie] = rest.split(";")[0]
        text = answer.read()
        self.answered_at = time.monotonic()
        return answer, text

    def token(self, **body):
        answer, text = self.ask("POST", "/oauth2/token", body)
        if answer.status != 200:
            raise RuntimeError(f"{body['grant_type']}: {answer.status} {text}")
        return json.loads(text)

    def sign_in(self):
        """At the login page, as a browser without scripts does. Brings a code."""
        answer, _ = self.ask("GET", "/oauth2/authorize?" + urllib.parse.urlencode(self.request()))
        flow = urllib.parse.parse_qs(urllib.parse.urlsplit(answer.getheader("location")).query)["flow"][0]
        _, page = self.ask("GET", f"/login?flow={flow}")
        token = re.search(rb'name="token" value="([^"]+)"', page).group(1).decode()
        form = {"flow": flow, "token": token, "username": self.person, "password": PASSWORD}
        origin = {"Origin": f"http://localhost:{self.house.identity_port}"}
        answer, page = self.ask("POST", "/login", form, origin)
        return code_in(answer)

    def request(self):
        challenge = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
        return {
            "response_type": "code",
            "client_id": "app",
            "redirect_uri": CALLBACK,
            "scope": f"openid {SCOPES}",
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }

    def another_code(self):
        """A browser that is signed in gets one without a word."""
        query = urllib.parse.urlencode({**self.request(), "prompt": "none"})
        answer, _ = self.ask("GET", f"/oauth2/authorize?{query}")
        return code_in(answer)

    def redeem(self, code):
        body = {"client_id": "app", "code": code, "redirect_uri": CALLBACK, "code_verifier": VERIFIER}
        return self.token(grant_type="authorization_code", **body)

    def refresh(self, refresh_token):
        return self.token(grant_type="refresh_token", client_id="app", refresh_token=refresh_token)


def code_in(answer):
    location = answer.getheader("location") or ""
    found = urllib.parse.parse_qs(urllib.parse.urlsplit(location).query)
    if "code" not in found:
        raise RuntimeError(f"no code in {answer.status} {location}")
    return found["code"][0]


# --- many at once ---


def side_by_side(work, given):
    with ThreadPoolExecutor(4) as threads:
        return list(threads.map(work, given))


def sign_in_everybody(house, each):
    """Browsers with a session of their own: `each` for every person of the house."""

    def signed_in(person):
        client = Client(house, person)
        client.sign_in()
        return client

    return side_by_side(signed_in, house.people * each)


def codes(clients, each):
    """Codes that nobody has redeemed yet, of every session in turn."""
    of_each = side_by_side(lambda client: [client.another_code() for _ in range(each)], clients)
    return [code for turn in zip(*of_each) for code in turn]


def refresh_tokens(clients, each):
    """One refresh token for each of `each` new grants of every session."""

    def redeemed(client):
        return [client.redeem(client.another_code())["refresh_token"] for _ in range(each)]

    return [token for tokens in side_by_side(redeemed, clients) for token in tokens]


def machine_tokens(house, count):
    """JWTs, all different, by the client-credentials grant."""
    kept = f"{house.home}/minted"
    load.saturate(f"{house.realm_url}/oauth2/token", count=count, keep=kept, **grant(house))
    return open(kept).read().split()[:count]


def opaque_tokens(house, refresh, count):
    """Opaque tokens of those grants in turn, by refreshing; as many of each as of any other. Tells the tokens alone."""
    kept = f"{house.home}/refreshed"
    load.saturate(f"{house.realm_url}/oauth2/token", count=count, keep=kept, **chain(house, refresh, OPAQUE))
    return open(kept).read().split()[:count]


def grant(house):
    body = f"grant_type=client_credentials&scope={SCOPES}"
    return {"method": "POST", "body": body, "type": FORM, "authorization": house.basic("machine"), "expect": '"access_token"'}


def chain(house, refresh, form):
    """Refreshes side by side: each answer's refresh token is used for a later request."""
    if len(refresh) < SPARE:
        raise ValueError(f"{len(refresh)} grants are too few for {load.CONNECTIONS} connections")
    prefix = urllib.parse.urlencode({"grant_type": "refresh_token", "client_id": "app", "requested_token_type": form})
    lines = write(f"{house.home}/refresh-tokens", "\n".join(refresh))
    told = {"each": "chain", "as": "body", "prefix": f"{prefix}&refresh_token=", "lines": lines}
    return {**told, "method": "POST", "type": FORM, "expect": '"refresh_token"'}
