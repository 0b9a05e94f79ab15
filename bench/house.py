"""Sekisho as it is measured: identity in one process, the gateway in another, and what clients need of them."""

import base64
import hashlib
import http.client
import json
import os
import re
import subprocess
import urllib.parse

from processes import free_port
from proxies import WORKERS, Server, write

PASSWORD = "a long password for the bench"
SCOPES = "orders:read"


class House:
    def __init__(self, binary, home, target, database=None):
        self.binary, self.home, self.database = binary, home, database
        os.makedirs(f"{home}/identity", mode=0o700)
        os.makedirs(f"{home}/gateway", mode=0o700)
        self.identity_port, self.gateway_port = free_port(), free_port()
        self.issuer = f"http://localhost:{self.identity_port}/realms/main"
        self.identity_config = write(f"{home}/identity.yaml", self.identity_yaml())
        self.secrets = {}
        self.administer()
        self.gateway_config = write(f"{home}/gateway.yaml", self.gateway_yaml(target))

    def identity_yaml(self):
        database = f"database: '{self.database}'\n" if self.database else ""
        return f"""data: {self.home}/identity
{database}operations: {{ listen: '127.0.0.1:{free_port()}' }}
identity:
  listen: 127.0.0.1:{self.identity_port}
  realms: {{ main: {{ access_token_lifetime: 1h }} }}
"""

    def gateway_yaml(self, target):
        secret = write(f"{self.home}/gateway/secret", self.secrets["gate"])
        os.chmod(secret, 0o600)
        route = "upstream: http://{}, scopes: {{ all: [{}] }}, audience: [orders]".format(target, SCOPES)
        return f"""data: {self.home}/gateway
operations: {{ listen: '127.0.0.1:{free_port()}' }}
gateway:
  listen: 127.0.0.1:{self.gateway_port}
  limits: {{ cores: {WORKERS}, swapped_tokens: 200000 }}
  login: [{{ prefix: /auth, issues: opaque }}]
  realms:
    main: {{ issuer: '{self.issuer}', client_id: gate, client_secret_file: {secret} }}
  routes:
    - {{ name: open, match: {{ path: /open }}, guard: open, upstream: 'http://{target}' }}
    - {{ name: jwt, match: {{ path: /jwt }}, guard: jwt, {route} }}
    - {{ name: opaque, match: {{ path: /opaque }}, guard: opaque, {route} }}
"""

    def sekisho(self, *args, stdin=None):
        argv = [self.binary, *args, "--config", self.identity_config]
        return subprocess.run(argv, input=stdin, capture_output=True, text=True, check=True).stdout

    def administer(self):
        self.sekisho("user", "create", "alice", "--scopes", SCOPES, stdin=PASSWORD)
        create = ["client", "create"]
        audience = ["--audience", "orders", "--scopes", f"openid {SCOPES}"]
        for client, kind in [("gate", "gateway"), ("machine", "machine"), ("service", "service")]:
            made = self.sekisho(*create, client, "--kind", kind, *audience)
            self.secrets[client] = re.search(r"sekcs\w+", made).group()
        redirect = ["--redirect-uri", "http://127.0.0.1/callback"]
        self.sekisho(*create, "app", "--kind", "public", *redirect, *audience)

    def start_identity(self, name="sekisho-identity"):
        argv = [self.binary, "serve", "--config", self.identity_config]
        identity = Server(name, argv, self.home, self.identity_port, {"SEKISHO_LOG": "warn"})
        identity.until_answers(f"{identity.url}/realms/main/oauth2/jwks")
        return identity

    def start_gateway(self):
        argv = [self.binary, "serve", "--config", self.gateway_config]
        gateway = Server("sekisho", argv, self.home, self.gateway_port, {"SEKISHO_LOG": "warn"})
        gateway.until_answers(f"{gateway.url}/open")
        return gateway

    def basic(self, client):
        return "Basic " + base64.b64encode(f"{client}:{self.secrets[client]}".encode()).decode()


class Client:
    """A client of identity on one connection; the work of this side is not measured."""

    def __init__(self, house):
        self.house = house
        self.connection = http.client.HTTPConnection("127.0.0.1", house.identity_port)
        self.cookies = {}

    def ask(self, method, path, body=None, headers=None):
        headers = dict(headers or {})
        if self.cookies:
            headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        if body is not None:
            body = urllib.parse.urlencode(body)
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        self.connection.request(method, f"/realms/main{path}", body, headers)
        answer = self.connection.getresponse()
        for name, value in answer.getheaders():
            if name.lower() == "set-cookie":
                cookie, _, rest = value.partition("=")
                self.cookies[cookie] = rest.split(";")[0]
        return answer, answer.read()

    def token(self, authorization=None, **body):
        headers = {"Authorization": authorization} if authorization else {}
        answer, text = self.ask("POST", "/oauth2/token", body, headers)
        if answer.status != 200:
            raise RuntimeError(f"{body}: {answer.status} {text}")
        return json.loads(text)

    def machine_token(self):
        basic = self.house.basic("machine")
        return self.token(basic, grant_type="client_credentials", scope=SCOPES)["access_token"]

    def sign_in(self):
        """At the login page, as a browser without scripts does."""
        answer, _ = self.ask("GET", "/oauth2/authorize?" + urllib.parse.urlencode(self.request()))
        flow = urllib.parse.parse_qs(urllib.parse.urlsplit(answer.getheader("location")).query)["flow"][0]
        _, page = self.ask("GET", f"/login?flow={flow}")
        token = re.search(rb'name="token" value="([^"]+)"', page).group(1).decode()
        form = {"flow": flow, "token": token, "username": "alice", "password": PASSWORD}
        origin = {"Origin": f"http://localhost:{self.house.identity_port}"}
        answer, page = self.ask("POST", "/login", form, origin)
        return code_in(answer)

    def request(self):
        challenge = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
        return {
            "response_type": "code",
            "client_id": "app",
            "redirect_uri": "http://127.0.0.1/callback",
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
        return self.token(
            grant_type="authorization_code",
            client_id="app",
            code=code,
            redirect_uri="http://127.0.0.1/callback",
            code_verifier=VERIFIER,
        )

    def refresh(self, refresh_token, form="jwt"):
        kind = "access_token" if form == "opaque" else "jwt"
        kind = f"urn:ietf:params:oauth:token-type:{kind}"
        body = {"grant_type": "refresh_token", "client_id": "app", "refresh_token": refresh_token}
        return self.token(**body, requested_token_type=kind)


VERIFIER = "a-verifier-of-at-least-forty-three-characters-0"


def code_in(answer):
    location = answer.getheader("location") or ""
    found = urllib.parse.parse_qs(urllib.parse.urlsplit(location).query)
    if "code" not in found:
        raise RuntimeError(f"no code in {answer.status} {location}")
    return found["code"][0]
