"""What the figures are held against: the first bar and the goal of each, and where its figure comes from.

A bar is met when the median is; least and most stand beside it.
"""

import statistics
from dataclasses import dataclass, field
from typing import Callable

import footprint
import gateway
import identity


@dataclass
class Bar:
    work: str
    first: float
    goal: float
    most: bool  # whether the figure may be at most this, else at least
    unit: str = ""
    digits: int = 2
    # From results to (which, values) of every way in which it was measured; none where this bench does not measure it.
    figures: Callable = field(default=lambda results: [])

    def meets(self, figure, limit):
        return figure <= limit if self.most else figure >= limit

    def says(self, limit):
        return f"{'≤' if self.most else '≥'} {self.shows(limit)}"

    def shows(self, value):
        return f"{value:,.{self.digits}f}{self.unit}"

    def rows(self, results):
        found = self.figures(results)
        if not found:
            return [(self.work, "not measured by this bench", self.says(self.first), "–", self.says(self.goal), "–")]
        return [self.row(", ".join(filter(None, [self.work, which])), values) for which, values in found]

    def row(self, work, values):
        middle = statistics.median(values)
        told = f"**{self.shows(middle)}**"
        if middle < 0:
            told = f"**none to be seen**: growth drowned in what else came and went ({self.shows(middle)})"
        elif len(values) > 1:
            told += f" ({self.shows(min(values))} … {self.shows(max(values))})"
        met = lambda limit: "met" if self.meets(middle, limit) else "not met"
        return (work, told, self.says(self.first), met(self.first), self.says(self.goal), met(self.goal))


def ratio(name, to):
    def figures(results):
        measured = results.get("gateway", {}).get("cpu_us")
        return [("", [one / other for one, other in zip(measured[name], measured[to])])] if measured else []

    return figures


def operations(names):
    def figures(results):
        per_core = results.get("identity", {}).get("per_core_s", {})
        return [(f"{name}, per second and core, {database}", of[name]) for database, of in per_core.items() for name in names]

    return figures


def logins(results):
    per_core = results.get("identity", {}).get("per_core_s", {})
    held = lambda of: [login / bare for login, bare in zip(of[identity.LOGIN], of["bare Argon2id"])]
    return [(database, held(of)) for database, of in per_core.items()]


def of_footprint(value):
    def figures(results):
        found = results.get("footprint", {})
        return [(database, value(of, found)) for database, of in found.get("databases", {}).items()]

    return figures


idle = of_footprint(lambda of, _: [of["idle"][footprint.TOGETHER] / 1e6])
start = of_footprint(lambda of, _: of["start_ms"][footprint.TOGETHER])
per_token = of_footprint(lambda of, found: [(of["live"]["minted"] - of["live"]["before"]) / found["live_tokens"]])

BARS = [
    Bar("opaque → JWT swap ÷ nginx with the same header, CPU", 1.6, 1.0, True, figures=ratio(gateway.SWAP, gateway.NGINX_OPAQUE)),
    Bar("verified-JWT hit ÷ nginx with the same header, CPU", 1.8, 1.1, True, figures=ratio(gateway.HIT, gateway.NGINX)),
    Bar("verified-JWT hit ÷ Envoy's jwt_authn with its cache, CPU", 0.40, 0.20, True, figures=ratio(gateway.HIT, gateway.ENVOY_HIT)),
    Bar("client-credentials grants per second and core ÷ Keycloak", 30, 100, False, digits=0),
    Bar("", 8_000, 30_000, False, digits=0, figures=operations(identity.INTROSPECTIONS)),
    Bar("password logins ÷ bare Argon2id", 0.85, 0.97, False, figures=logins),
    Bar("revoked → refused at the last of 50 remote guards, p99", 500, 50, True, " ms", 0),
    Bar("decision in a process, 10,000 policies and 10 M relations, p50", 20, 7, True, " µs", 0),
    Bar("the same, p99", 100, 30, True, " µs", 0),
    Bar("AuthZEN evaluations per second, 2 cores", 10_000, 25_000, False, digits=0),
    Bar("memory when idle, identity and gateway in one process", 60, 25, True, " MB", 1, idle),
    Bar("memory per live opaque token, minted and not yet in the bounded JWT cache", 400, 160, True, " B", 0, per_token),
    Bar("start to ready with an existing database, identity and gateway in one process", 300, 50, True, " ms", 0, start),
]


def table(results):
    head = ("work", "measured", "first bar", "", "goal", "")
    return head, [row for bar in BARS for row in bar.rows(results)]
