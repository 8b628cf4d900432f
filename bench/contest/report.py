"""The figures in Markdown, and as a picture."""

from __future__ import annotations

from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING

from matplotlib import style
from matplotlib.figure import Figure as Picture

from bench.contest.documents import TITLES
from bench.contest.figures import under_load

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.axes import Axes

    from bench.contest.figures import Figure, Goal

COLORS = {"server": "#3b6fb6", "PostgreSQL": "#c2701d"}
HEAD = (
    *("at a time", "contestant", "server µs", "PostgreSQL µs", "sum µs", "× first"),
    *("req/s", "p50 ms", "p99 ms", "failed"),
)
STYLE = Path(__file__).parent.parent / "plot.mplstyle"
COLUMNS = 3
WIDEST = 4  # times the first bar; a longer one is cut, its figure stands beside it


def tables(found: Sequence[Figure]) -> list[str]:
    """Return a table for each document."""
    lines = []
    for name in dict.fromkeys(one.document for one in found):
        own = [one for one in found if one.document == name]
        size = f"{own[0].answer_bytes / 1_000:.1f} kB"
        lines += [
            f"\n{name}, {TITLES[name]}: {size}\n",
            f"| {' | '.join(HEAD)} |",
            f"|--:|---|{'--:|' * (len(HEAD) - 2)}",
        ]
        lines += [_line(one) for one in own]
    return lines


def goal_lines(found: Sequence[Goal]) -> list[str]:
    """Return the goals as a table."""
    lines = ["\nGoals, under load\n", "| document | what | goal | measured | |", "|---|---|--:|--:|---|"]
    for one in found:
        judgement = "reached" if one.is_reached else "not reached"
        lines.append(f"| {one.document} | {one.what} | ≤ {one.at_most:g} | {one.measured:.2f} | {judgement} |")
    return lines


def growth(found: Mapping[int, Sequence[Figure]]) -> list[str]:
    """Return what a request takes under load as a table, by how many interactions there are."""
    heads = ["document", "contestant", *(f"µs of {rows:,}" for rows in found), "last / first"]
    lines = ["\nBy the number of interactions\n", f"| {' | '.join(heads)} |", f"|---|---|{'--:|' * (len(found) + 1)}"]
    for (document, contestant), values in _by_size(found).items():
        cells = [document, contestant, *(f"{value:,.0f}" for value in values), f"{values[-1] / values[0]:.2f}"]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def draw(found: Sequence[Figure], title: str, file: Path) -> None:
    """Draw the processor time of each document at the largest number of connections; FILE ends in .svg or .png."""
    at_load = under_load(found)
    names = list(dict.fromkeys(one.document for one in at_load))
    with style.context(STYLE):
        picture = Picture(figsize=(9, 0.6 + 1.9 * len(names)), layout="constrained")
        panels = picture.subplots(len(names), 1, squeeze=False)[:, 0]
        for panel, name in zip(panels, names, strict=True):
            _bars(panel, [one for one in at_load if one.document == name])
        handles, labels = panels[0].get_legend_handles_labels()
        picture.legend(handles, labels, loc="outside lower center", ncols=2, frameon=False)
        picture.suptitle(title, fontsize=10)
        picture.savefig(file, dpi=130)


def draw_growth(found: Mapping[int, Sequence[Figure]], title: str, file: Path) -> None:
    """Draw the same processor time by how many interactions there are; FILE ends in .svg or .png."""
    sums = _by_size(found)
    names = list(dict.fromkeys(document for document, _ in sums))
    with style.context(STYLE):
        picture = Picture(figsize=(9, 2.2 * -(-len(names) // COLUMNS) + 0.6), layout="constrained")
        panels = picture.subplots(-(-len(names) // COLUMNS), COLUMNS, squeeze=False).flat
        for panel, name in zip_longest(panels, names):
            panel.set_visible(name is not None)
            for (document, contestant), values in sums.items():
                if document == name:
                    panel.plot(list(found), values, marker="o", markersize=3, label=contestant)
            panel.set(xscale="log", ylim=(0, None))
            panel.set_title(name, loc="left", fontsize=10, fontweight="bold")
        picture.supxlabel("interactions", fontsize=8.5)
        picture.supylabel("processor time of a request, µs", fontsize=8.5)
        handles, labels = picture.axes[0].get_legend_handles_labels()
        picture.legend(handles, labels, loc="outside lower right", ncols=2, frameon=False)
        picture.suptitle(title, fontsize=10)
        picture.savefig(file, dpi=130)


def _by_size(found: Mapping[int, Sequence[Figure]]) -> dict[tuple[str, str], list[float]]:
    """Return what a request takes under load at each size, by document and contestant, of those measured at all."""
    sums: dict[tuple[str, str], list[float]] = {}
    for figures in found.values():
        for one in under_load(figures):
            sums.setdefault((one.document, one.contestant), []).append(one.sum_us)
    return {what: values for what, values in sums.items() if len(values) == len(found)}


def _line(one: Figure) -> str:
    cells = [
        str(one.connections),
        one.contestant,
        *(f"{value:,.0f}" for value in (one.server_us, one.postgres_us, one.sum_us)),
        f"{one.ratio:.2f}",
        f"{one.requests_per_s:,.0f}",
        f"{one.p50_ms:,.1f}",
        f"{one.p99_ms:,.1f}",
        str(one.failed),
    ]
    return f"| {' | '.join(cells)} |"


def _bars(panel: Axes, found: Sequence[Figure]) -> None:
    names = [one.contestant for one in found]
    server, postgres = [one.server_us for one in found], [one.postgres_us for one in found]
    panel.barh(names, server, color=COLORS["server"], label="server", height=0.65)
    panel.barh(names, postgres, left=server, color=COLORS["PostgreSQL"], label="PostgreSQL", height=0.65)
    widest = min(WIDEST * found[0].sum_us, max(one.sum_us for one in found) * 1.25)
    panel.set_xlim(0, widest)
    panel.invert_yaxis()
    panel.set_title(f"{found[0].document}: {TITLES[found[0].document]}", loc="left", fontsize=10, fontweight="bold")
    panel.set_xlabel("processor time of a request, µs", fontsize=8.5)
    for place, one in enumerate(found):
        text = f" {one.sum_us:,.0f} ({one.ratio:.2f} ×)"
        is_cut = one.sum_us > widest * 0.85
        panel.text(
            min(widest, one.sum_us),
            place,
            f"{text} " if is_cut else text,
            va="center",
            ha="right" if is_cut else "left",
            color="#ffffff" if is_cut else "#26261f",
            fontsize=8.5,
        )
