"""The plots of docs/performance.md: SVG, the same bytes for the same results."""

import statistics

import matplotlib

matplotlib.use("svg")
from matplotlib import pyplot

OURS, THEIRS, OTHER = "#b5452c", "#8a9199", "#d9b3a8"


def colour(name):
    return OURS if name.startswith("sekisho") else THEIRS


def spans(series):
    """Medians, and how far least and most lie from them."""
    middles = [statistics.median(values) for values in series]
    below = [middle - min(values) for middle, values in zip(middles, series)]
    above = [max(values) - middle for middle, values in zip(middles, series)]
    return middles, [below, above]


def bars(axes, names, series, colours, height=0.8, shift=0.0):
    middles, errors = spans(series)
    at = [place + shift for place in range(len(names))]
    axes.barh(at, middles, height, xerr=errors, color=colours, error_kw={"elinewidth": 1, "ecolor": "#333"})
    for place, middle, beyond in zip(at, middles, errors[1]):
        axes.text(middle + beyond, place, f" {middle:,.0f}", va="center", fontsize=8)
    axes.set_yticks(range(len(names)), names)


def drawn(axes, figure, path):
    axes.spines[["top", "right"]].set_visible(False)
    axes.margins(x=0.1)
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)


def begun(rows, height=0.42):
    matplotlib.rcParams["svg.hashsalt"] = "performance"
    return pyplot.subplots(figsize=(9, height * rows + 1))


def cpu(found, path):
    names = [name for name in found["order"] if "again" not in name][::-1]
    figure, axes = begun(len(names))
    bars(axes, names, [found["cpu_us"][name] for name in names], [colour(name) for name in names])
    axes.set_xlabel("CPU µs per request (median; least and most of the rounds)")
    drawn(axes, figure, path)


def latency(found, path):
    names = list(found["us"])[::-1]
    figure, axes = begun(len(names), 0.6)
    for percentile, shift, shade in (("p50", 0.2, 1.0), ("p99", -0.2, 0.55)):
        values = [found["us"][name][percentile] for name in names]
        colours = [(*matplotlib.colors.to_rgb(colour(name)), shade) for name in names]
        bars(axes, names, values, colours, 0.38, shift)
    axes.set_xscale("log")
    axes.set_xlabel(f"µs at {found['rate']:,} requests per second: p50 above, p99 below")
    drawn(axes, figure, path)


def identity(found, path):
    names = [name for name in found["order"] if "Argon2id" not in name and "login" not in name][::-1]
    figure, axes = begun(len(names), 0.6)
    for (database, of), shift, shade in zip(found["per_core_s"].items(), (0.2, -0.2), (OURS, OTHER)):
        bars(axes, names, [of[name] for name in names], shade, 0.38, shift)
        axes.barh([0], [0], color=shade, label=database)
    axes.legend(frameon=False, loc="lower right")
    axes.set_xlabel("operations per second of one core, the database's CPU time included")
    drawn(axes, figure, path)
