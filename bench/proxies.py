"""What Sekisho is measured against, each as its own manual says, with keep-alive to the upstream and nothing logged."""

import json
import os

from processes import Process, free_port

UPSTREAM_BODY = json.dumps({"order": 1, "item": "lantern", "note": "x" * 150})
WORKERS = 2


class Server(Process):
    def __init__(self, name, argv, home, port, env=None):
        super().__init__(name, argv, f"{home}/{name}.log", env)
        self.url = f"http://127.0.0.1:{port}"


def write(path, text):
    with open(path, "w") as file:
        file.write(text)
    return path


def nginx(home, name, server):
    port = free_port()
    text = f"""
daemon off; worker_processes {WORKERS}; pid {home}/{name}.pid; error_log {home}/{name}.err warn;
events {{ worker_connections 4096; }}
http {{
  access_log off; keepalive_requests 1000000; default_type application/json;
  client_body_temp_path {home}/{name}-body; proxy_temp_path {home}/{name}-proxy;
  fastcgi_temp_path {home}/{name}-f; uwsgi_temp_path {home}/{name}-u; scgi_temp_path {home}/{name}-s;
  {server.format(port=port)}
}}"""
    config = write(f"{home}/{name}.conf", text)
    return Server(name, ["nginx", "-p", home, "-c", config], home, port)


def upstream(home):
    body = UPSTREAM_BODY.replace("{", "{{").replace("}", "}}")
    return nginx(home, "upstream", f"server {{{{ listen 127.0.0.1:{{port}} reuseport; location / {{{{ return 200 '{body}'; }}}} }}}}")


def nginx_proxy(home, target):
    server = f"""
  upstream u {{{{ server {target}; keepalive 256; }}}}
  server {{{{ listen 127.0.0.1:{{port}} reuseport;
    location / {{{{ proxy_pass http://u; proxy_http_version 1.1; proxy_set_header Connection ""; }}}} }}}}"""
    return nginx(home, "nginx", server)


def haproxy(home, target, name="haproxy", rules=""):
    port = free_port()
    config = write(
        f"{home}/{name}.cfg",
        f"""global
  nbthread {WORKERS}
  maxconn 8192
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  http-reuse always
frontend f
  bind 127.0.0.1:{port}
{rules}  default_backend u
backend u
  server s {target}
""",
    )
    return Server(name, ["haproxy", "-f", config], home, port)


def haproxy_jwt(home, target, issuer):
    pem = write(f"{home}/issuer.pem", issuer["pem"])
    rules = f"""  http-request set-var(txn.alg) http_auth_bearer,jwt_header_query('$.alg')
  http-request deny deny_status 401 unless {{ var(txn.alg) -m str ES256 }}
  http-request deny deny_status 401 unless {{ http_auth_bearer,jwt_payload_query('$.iss') -m str {issuer["issuer"]} }}
  http-request deny deny_status 401 unless {{ http_auth_bearer,jwt_verify(txn.alg,"{pem}") 1 }}
"""
    return haproxy(home, target, "haproxy-jwt", rules)


def envoy(home, target, name="envoy", issuer=None):
    port = free_port()
    router = {
        "name": "envoy.filters.http.router",
        "typed_config": {"@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"},
    }
    filters = [router]
    if issuer:
        provider = {
            "issuer": issuer["issuer"],
            "audiences": ["orders"],
            "forward": True,
            "local_jwks": {"inline_string": json.dumps(issuer["jwks"])},
            # As many as Sekisho remembers by default.
            "jwt_cache_config": {"jwt_cache_size": 20000},
        }
        jwt = {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication",
            "providers": {"p": provider},
            "rules": [{"match": {"prefix": "/"}, "requires": {"provider_name": "p"}}],
        }
        filters = [{"name": "envoy.filters.http.jwt_authn", "typed_config": jwt}, router]
    manager = {
        "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "f",
        "generate_request_id": False,
        "route_config": {
            "virtual_hosts": [
                {"name": "v", "domains": ["*"], "routes": [{"match": {"prefix": "/"}, "route": {"cluster": "u"}}]}
            ]
        },
        "http_filters": filters,
    }
    host, target_port = target.split(":")
    address = lambda port: {"socket_address": {"address": "127.0.0.1", "port_value": port}}
    cluster = {
        "name": "u",
        "type": "STATIC",
        "load_assignment": {
            "cluster_name": "u",
            "endpoints": [{"lb_endpoints": [{"endpoint": {"address": address(int(target_port))}}]}],
        },
    }
    listener = {
        "address": address(port),
        "filter_chains": [
            {"filters": [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]}
        ],
    }
    text = json.dumps({"static_resources": {"listeners": [listener], "clusters": [cluster]}})
    config = write(f"{home}/{name}.json", text)
    argv = ["envoy", "-c", config, "--concurrency", str(WORKERS), "--log-level", "error", "--use-dynamic-base-id"]
    return Server(name, argv, home, port)


def traefik(home, target):
    port = free_port()
    dynamic = {
        "http": {
            "routers": {"r": {"rule": "PathPrefix(`/`)", "service": "s", "entryPoints": ["e"]}},
            "services": {"s": {"loadBalancer": {"servers": [{"url": f"http://{target}"}]}}},
        }
    }
    file = write(f"{home}/traefik-dynamic.yaml", json.dumps(dynamic))
    argv = [
        "traefik",
        f"--entrypoints.e.address=127.0.0.1:{port}",
        f"--providers.file.filename={file}",
        "--log.level=ERROR",
        "--global.checknewversion=false",
        "--global.sendanonymoususage=false",
    ]
    return Server("traefik", argv, home, port, {"GOMAXPROCS": str(WORKERS)})


def caddy(home, target):
    port = free_port()
    text = f"""{{
  admin off
  auto_https off
  persist_config off
  log {{
    level ERROR
  }}
}}
http://127.0.0.1:{port} {{
  reverse_proxy {target}
}}
"""
    config = write(f"{home}/Caddyfile", text)
    env = {"GOMAXPROCS": str(WORKERS), "XDG_DATA_HOME": home, "XDG_CONFIG_HOME": home}
    return Server("caddy", ["caddy", "run", "--adapter", "caddyfile", "--config", config], home, port, env)
