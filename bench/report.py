"""From measurements to docs/performance.md and its plot. The text around the tables is in performance.head.md and performance.tail.md."""

import os
import statistics

import matplotlib

matplotlib.use("svg")
from matplotlib import pyplot

HERE = os.path.dirname(os.path.abspath(__file__))


def spread(values, digits=1):
    low, middle, high = min(values), statistics.median(values), max(values)
    return f"{low:,.{digits}f} / {middle:,.{digits}f} / {high:,.{digits}f}"


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def ratios(measured, against, name):
    base = against.get(name)
    return [value / other for value, other in zip(measured[name], measured[base])] if base else []


def gateway(found):
    measured, against = found["cpu_us"], found["against"]
    rows = []
    for name, values in measured.items():
        held = ratios(measured, against, name)
        rows.append((name, spread(values), spread(held, 2) if held else "–", against.get(name) or "–"))
    latency = found["latency"]
    late = [(name, *(f"{micros[p]:,}" for p in ("p50", "p90", "p99"))) for name, micros in latency["us"].items()]
    return "\n\n".join(
        [
            "## The gateway: CPU per request",
            "Microseconds of CPU time of the proxy's process per request, and the ratio within the same round; each as "
            f"least / median / most of {len(next(iter(measured.values())))} rounds.",
            table(["case", "µs per request", "ratio", "to"], rows),
            "![CPU per request](performance.svg)",
            f"## The gateway: latency at {latency['rate']:,} requests per second",
            "Microseconds, far below what any of them can do; load generator, proxy and upstream share two cores.",
            table(["case", "p50", "p90", "p99"], late),
        ]
    )


def identity(found):
    measured, bare = found["per_core_s"], found["bare_argon2id_s"]
    operations = next(iter(measured.values()))
    rows = [(name, *(spread(of[name], 0) for of in measured.values())) for name in operations]
    rows.append(("bare Argon2id", *(spread(bare, 0) for _ in measured)))
    logins = [login / rate for login, rate in zip(measured["SQLite"]["password login"], bare)]
    return "\n\n".join(
        [
            "## Identity: operations per second of one core",
            "Operations by the CPU time that they took, the database's own included; on disk, durable. Least / median / "
            f"most of {len(bare)} rounds.",
            table(["operation", *measured], rows),
            f"Password logins ÷ bare Argon2id rate: {spread(logins, 2)}.",
        ]
    )


def footprint(found):
    starts = found["start_ms"]
    mib = lambda count: f"{count / (1 << 20):.1f} MiB"
    rows = [
        (room, spread([start[room] for start in starts]), mib(found["idle"][room]), per_token(found, room))
        for room in ("identity", "gateway")
    ]
    return "\n\n".join(
        [
            "## Start and memory",
            f"Start: from the process's start to its first answer, with an existing database, in milliseconds. Memory is "
            f"resident. The last column is the growth for {found['live_tokens']:,} opaque tokens, all minted by identity "
            "and all used at the gateway, which remembers the JWT of each here (`swapped_tokens: 200000`; the default "
            "remembers 20,000 and asks again for others).",
            table(["process", "start, ms", "idle", "per live token"], rows),
        ]
    )


def per_token(found, room):
    grown = found["used"][room] - found["idle"][room]
    return f"{grown / found['live_tokens']:.0f} B"


def plot(found, path):
    measured = found["cpu_us"]
    names = [name for name in measured if "again" not in name and "÷" not in name][::-1]
    middles = [statistics.median(measured[name]) for name in names]
    errors = [
        [middle - min(measured[name]) for name, middle in zip(names, middles)],
        [max(measured[name]) - middle for name, middle in zip(names, middles)],
    ]
    colours = ["#b5452c" if name.startswith("sekisho") else "#8a9199" for name in names]
    matplotlib.rcParams["svg.hashsalt"] = "performance"
    figure, axes = pyplot.subplots(figsize=(9, 0.42 * len(names) + 1))
    axes.barh(names, middles, xerr=errors, color=colours, error_kw={"elinewidth": 1, "ecolor": "#333"})
    for at, middle in enumerate(middles):
        axes.text(middle, at + 0.12, f"  {middle:.0f}", va="center", fontsize=8)
    axes.set_xlabel("CPU µs per request (median; least and most of the rounds)")
    axes.spines[["top", "right"]].set_visible(False)
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})


def write(results, docs):
    head = open(f"{HERE}/performance.head.md").read().rstrip()
    parts = [head]
    if "gateway" in results:
        parts.append(gateway(results["gateway"]))
        plot(results["gateway"], f"{docs}/performance.svg")
    if "identity" in results:
        parts.append(identity(results["identity"]))
    if "footprint" in results:
        parts.append(footprint(results["footprint"]))
    parts.append(open(f"{HERE}/performance.tail.md").read().rstrip())
    with open(f"{docs}/performance.md", "w") as file:
        file.write("\n\n".join(parts) + "\n")
