"""Sekisho as it is measured: identity in one process and the gateway in another, or both in one."""

import base64
import json
import os
import re
import subprocess

from processes import free_port
from proxies import WORKERS, Server, write

PASSWORD = "a long password for the bench"
SCOPES = "orders:read"
QUIET = {"SEKISHO_LOG": "warn"}


class House:
    """A house with a database of its own and `people` users. Without `database`, SQLite in its data directory."""

    def __init__(self, binary, home, target, database=None, people=1):
        self.binary, self.home, self.database, self.target = binary, home, database, target
        self.people = [f"person-{number}" for number in range(people)]
        os.makedirs(f"{home}/identity", mode=0o700)
        os.makedirs(f"{home}/gateway", mode=0o700)
        self.identity_port, self.gateway_port = free_port(), free_port()
        self.issuer = f"http://localhost:{self.identity_port}/realms/main"
        self.realm_url = f"http://127.0.0.1:{self.identity_port}/realms/main"
        self.identity_config = write(f"{home}/identity.yaml", self.head("identity") + self.identity_yaml())
        self.secrets = {}
        self.administer()
        remote = self.remote_realm_yaml()
        self.gateway_config = write(f"{home}/gateway.yaml", self.head("gateway") + self.gateway_yaml(remote))
        together = self.head("identity") + self.identity_yaml() + self.gateway_yaml("")
        self.together_config = write(f"{home}/together.yaml", together)

    def head(self, room):
        database = f"database: '{self.database}'\n" if self.database and room == "identity" else ""
        return f"data: {self.home}/{room}\n{database}operations: {{ listen: '127.0.0.1:{free_port()}' }}\n"

    def identity_yaml(self):
        return f"""identity:
  listen: 127.0.0.1:{self.identity_port}
  realms: {{ main: {{ access_token_lifetime: 1h }} }}
"""

    def remote_realm_yaml(self):
        secret = write(f"{self.home}/gateway/secret", self.secrets["gate"])
        os.chmod(secret, 0o600)
        return f"""  realms:
    main: {{ issuer: '{self.issuer}', client_id: gate, client_secret_file: {secret} }}
"""

    def gateway_yaml(self, realms):
        """Every cache has its usual size."""
        route = "upstream: http://{}, scopes: {{ all: [{}] }}, audience: [orders]".format(self.target, SCOPES)
        return f"""gateway:
  listen: 127.0.0.1:{self.gateway_port}
  limits: {{ cores: {WORKERS} }}
  login: [{{ prefix: /auth, issues: opaque }}]
{realms}  routes:
    - {{ name: open, match: {{ path: /open }}, guard: open, upstream: 'http://{self.target}' }}
    - {{ name: jwt, match: {{ path: /jwt }}, guard: jwt, {route} }}
    - {{ name: opaque, match: {{ path: /opaque }}, guard: opaque, {route} }}
"""

    def sekisho(self, *args, stdin=None):
        argv = [self.binary, *args, "--config", self.identity_config]
        done = subprocess.run(argv, input=stdin, capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError(f"sekisho {' '.join(args)} ended with {done.returncode}: {done.stderr.strip()}")
        return done.stdout

    def administer(self):
        password = write(f"{self.home}/password", PASSWORD)
        os.chmod(password, 0o600)
        users = {name: {"scopes": SCOPES, "password": {"file": password}} for name in self.people}
        declared = write(f"{self.home}/people.yaml", json.dumps({"realms": {"main": {"users": users}}}))
        self.sekisho("apply", declared, "--yes")
        create = ["client", "create"]
        audience = ["--audience", "orders", "--scopes", f"openid {SCOPES}"]
        for client, kind in [("gate", "gateway"), ("machine", "machine"), ("service", "service")]:
            made = self.sekisho(*create, client, "--kind", kind, *audience)
            self.secrets[client] = re.search(r"sekcs\w+", made).group()
        redirect = ["--redirect-uri", "http://127.0.0.1/callback"]
        self.sekisho(*create, "app", "--kind", "public", *redirect, *audience)

    def serve(self, name, config, port):
        return Server(name, [self.binary, "serve", "--config", config], self.home, port, QUIET)

    def serve_identity(self):
        return self.serve("sekisho-identity", self.identity_config, self.identity_port)

    def serve_gateway(self):
        return self.serve("sekisho", self.gateway_config, self.gateway_port)

    def serve_together(self):
        """Both rooms in one process."""
        return self.serve("sekisho-together", self.together_config, self.gateway_port)

    def start_identity(self):
        identity = self.serve_identity()
        identity.until_answers(f"{self.realm_url}/oauth2/jwks")
        return identity

    def start_gateway(self):
        gateway = self.serve_gateway()
        gateway.until_answers(f"{gateway.url}/open")
        return gateway

    def basic(self, client):
        return "Basic " + base64.b64encode(f"{client}:{self.secrets[client]}".encode()).decode()
