"""From measurements to docs/performance.md and its plots. Every figure comes from the results; the text around the tables is
in performance.head.md and performance.tail.md."""

import os
import statistics

import bars
import footprint as rooms
import plots

HERE = os.path.dirname(os.path.abspath(__file__))


def spread(values, digits=1):
    low, middle, high = min(values), statistics.median(values), max(values)
    return f"{low:,.{digits}f} / {middle:,.{digits}f} / {high:,.{digits}f}"


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def megabytes(count):
    return f"{count / 1e6:.1f} MB"


def times(count, what="round"):
    return f"{count} {what}{'' if count == 1 else 's'}"


def measured_on(results):
    lines = []
    for part, found in results.items():
        run = found["run"]
        machine = run["machine"]
        programs = ", ".join(f"{name} {version}" for name, version in machine["programs"].items())
        lines.append(
            f"- {part}: {times(run['rounds'])}, {run['took_s']} s; load average before it began {run['load_before']}; "
            f"{machine['cores']} × {machine['processor']}, {machine['kernel']}; {programs}."
        )
    return "\n".join(["The runs that this page shows:", "", *lines])


def held(results):
    head, rows = bars.table(results)
    return "\n\n".join(
        [
            "## What was promised, and what was measured",
            "The median of the rounds decides; least and most stand in brackets.",
            table(head, rows),
        ]
    )


def noise(found):
    """How far one and the same proxy strays from itself, in a sentence."""
    cpu = found["cpu_us"]
    told = []
    for name, to in ((name, found["against"][name][0]) for name in found["order"] if "the same again" in name):
        told.append(f"{to}: {spread([one / other for one, other in zip(cpu[name], cpu[to])], 2)}")
    return "**Noise.** The same process, measured again elsewhere in the same round, ÷ itself: " + "; ".join(told) + "."


def gateway(found):
    cpu, cold = found["cpu_us"], found["cold"]
    rows = []
    for name in found["order"]:
        ratios = [
            f"{spread([one / other for one, other in zip(cpu[name], cpu[to])], 2)} ÷ {to}" for to in found["against"][name]
        ]
        rows.append((name, spread(cpu[name]), "<br>".join(ratios) or "–"))
    memory = [(name, megabytes(count)) for name, count in found["resident_bytes"].items()]
    return "\n\n".join(
        [
            "## The gateway: CPU per request",
            "Microseconds of CPU time of the proxy's process per request, and the ratio within the same round; each as "
            f"least / median / most of {times(found['run']['rounds'])}. Warm cases bring the same 1,000 tokens over and over. "
            f"Cold ones bring tokens that nobody has sent before, each once ({cold['jwts']:,} JWTs or {cold['opaque']:,} opaque "
            "tokens a round, the same to all who verify); `opaque cold` leaves out identity's part of the exchange, which runs "
            "in another process.",
            table(["case", "µs per request", "ratio"], rows),
            noise(found),
            "![CPU per request](performance.svg)",
            "Resident memory after all rounds, processes added up:",
            table(["proxy", "memory"], memory),
            latency(found["latency"]),
        ]
    )


def latency(found):
    rows = [
        (name, *(spread(of[percentile], 0) for percentile in ("p50", "p90", "p99"))) for name, of in found["us"].items()
    ]
    count = len(next(iter(found["us"].values()))["p50"])
    apart_ms = 1e3 * found["connections"] / found["rate"]
    return "\n\n".join(
        [
            f"## The gateway: latency at {found['rate']:,} requests per second",
            f"Microseconds from sending to the last byte, least / median / most of {times(count)}, far below what any of them "
            "can do; load generator, proxy and upstream share the machine. A connection sends its next request "
            f"{apart_ms:.0f} ms after the last, or later if it still waits: where an answer takes longer than that, the "
            "machine was busy with something else and the figure flatters.",
            table(["case", "p50", "p90", "p99"], rows),
            "![Latency](performance-latency.svg)",
        ]
    )


def identity(found):
    per_core = found["per_core_s"]
    rows = [(name, *(spread(of[name], 0) for of in per_core.values())) for name in found["order"]]
    return "\n\n".join(
        [
            "## Identity: operations per second of one core",
            "Operations by the CPU time that they took, PostgreSQL's own included; on disk, durable. Least / median / most of "
            f"{times(found['run']['rounds'])}. 64 connections at once, except logins and what says so. Introspection goes over "
            "1,000 tokens, the opaque ones of 140 grants of 20 people; `first time` brings JWTs that were never seen. A login is "
            "one at the challenge endpoint: the password, a session and a code.",
            table(["operation", *per_core], rows),
            "![Operations of identity](performance-identity.svg)",
        ]
    )


def footprint(found):
    databases = found["databases"]
    starts = [
        (name, *(spread(of["start_ms"][name]) for of in databases.values()), *(megabytes(of["idle"][name]) for of in databases.values()))
        for name in (rooms.TOGETHER, rooms.IDENTITY, rooms.GATEWAY)
    ]
    return "\n\n".join(
        [
            "## Start and memory",
            "Start: from before the process is made to its first useful answer (identity's keys are told, the gateway has "
            "verified a JWT and passed the request on), with an existing database, in milliseconds, least / median / most. "
            "Idle: resident memory two seconds later. PostgreSQL's own memory is not counted.",
            table(["process", *(f"start, {name}" for name in databases), *(f"idle, {name}" for name in databases)], starts),
            f"### {found['live_tokens']:,} live opaque tokens",
            f"Identity and gateway in one process with caches of the usual size; the tokens come from "
            f"{rooms.PEOPLE * rooms.SESSIONS_EACH} sessions of {rooms.PEOPLE} people by refreshing. *Minted*: they are live at identity, and the gateway has seen none of them. "
            "*Known*: each was used once at the gateway, which exchanged each for a JWT and remembers at most "
            f"{found['remembered']:,} of these. What connections and the database's cache take was there before.",
            table(["", *databases], live(found)),
        ]
    )


def live(found):
    of_each = [of["live"] for of in found["databases"].values()]
    tokens, remembered = found["live_tokens"], found["remembered"]
    per_token = lambda grown: f"{grown / tokens:,.0f} B"
    return [
        ("memory before", *(megabytes(of["before"]) for of in of_each)),
        ("memory when minted", *(megabytes(of["minted"]) for of in of_each)),
        ("memory when known", *(megabytes(of["used"]) for of in of_each)),
        ("minted: growth per live token", *(per_token(of["minted"] - of["before"]) for of in of_each)),
        ("known: growth per live token", *(per_token(of["used"] - of["before"]) for of in of_each)),
        ("known: growth per remembered JWT", *(f"{(of['used'] - of['minted']) / remembered:,.0f} B" for of in of_each)),
        ("the database's growth on disk, per live token", *(per_token(of["disk_growth"]) for of in of_each)),
    ]


PARTS = {"gateway": gateway, "identity": identity, "footprint": footprint}


def write(results, docs):
    results = {name: results[name] for name in PARTS if name in results}
    read = lambda name: open(f"{HERE}/{name}").read().rstrip()
    parts = [read("performance.head.md"), measured_on(results), held(results)]
    parts += [PARTS[name](found) for name, found in results.items()]
    if "gateway" in results:
        plots.cpu(results["gateway"], f"{docs}/performance.svg")
        plots.latency(results["gateway"]["latency"], f"{docs}/performance-latency.svg")
    if "identity" in results:
        plots.identity(results["identity"], f"{docs}/performance-identity.svg")
    parts.append(read("performance.tail.md"))
    with open(f"{docs}/performance.md", "w") as file:
        file.write("\n\n".join(parts) + "\n")
