"""`python -m bench.plot MEASURED PICTURE`: each statement's latency while 041 runs beside an open transaction."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click
import orjson
from matplotlib import style
from matplotlib.figure import Figure

from bench.migrations import OURS, USUAL

if TYPE_CHECKING:
    from matplotlib.axes import Axes

STEP = "041"
# The goal for the longest stall, which the picture shows as a line.
GOAL_MS = 250
LEAD_IN_S, LEAD_OUT_S = 3, 2

TITLES = {OURS: "Migration 041 of Taskline", USUAL: "The same change as it is usually written: one transaction"}
COLORS = {"read": "#3b6fb6", "write": "#c2701d", "failed": "#b3202c"}
PARTS = {"Columns", "Foreign keys", "Indexes", "Validation"}
FLOOR_MS = 0.3  # nothing is drawn below


@dataclass(frozen=True, slots=True)
class Span:
    """A run's 041, in seconds of its load: when it started and ended, and when the open transaction ended."""

    started_s: float
    ended_s: float
    released_s: float
    marks: list[tuple[float, str]]


@click.command()
@click.argument("measured", type=click.Path(exists=True, path_type=Path))
@click.argument("picture", type=click.Path(path_type=Path))
def main(measured: Path, picture: Path) -> None:
    """Draw what `python -m bench.migrations --output MEASURED` measured; PICTURE ends in .png or .svg."""
    document = orjson.loads(measured.read_bytes())
    runs = {run["style"]: run for run in document["runs"] if run["is_held"]}
    with style.context(Path(__file__).with_name("plot.mplstyle")):
        figure = Figure(figsize=(9, 5.6), layout="constrained")
        panels = figure.subplots(2, 1, sharex=True, sharey=True)
        width_s = max(_span(run).ended_s - _span(run).started_s for run in runs.values()) + LEAD_OUT_S
        for panel, name in zip(panels, (OURS, USUAL), strict=True):
            _draw(panel, runs[name], TITLES[name])
        panels[0].set_xlim(-LEAD_IN_S, width_s)
        panels[0].set_yscale("log")
        handles, labels = panels[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=6, frameon=False, markerscale=2, fontsize=8.5)
        panels[1].set_xlabel("seconds since the migration's start")
        about = document["about"]
        figure.supylabel("latency of each statement, ms", fontsize=9.5)
        figure.suptitle(
            f"6 connections at work on {about['interactions']:,} interactions, PostgreSQL {about['postgres']}; "
            f"another transaction stays open for {about['hold_s']:g} s",
            fontsize=10,
        )
        figure.savefig(picture, dpi=130)


def _span(run: dict[str, list[dict[str, object]]]) -> Span:
    window = next(window for window in run["windows"] if window["step"] == STEP)
    fields = ("started_s", "ended_s", "released_s", "marks")
    return Span(*(window[name] for name in fields))  # type: ignore[arg-type]  # as `bench.migrations` wrote them


def _draw(panel: Axes, run: dict[str, list[dict[str, object]]], title: str) -> None:
    span = _span(run)
    panel.set_title(title, loc="left", fontsize=10, fontweight="bold")
    panel.axvspan(0, span.ended_s - span.started_s, color="#26261f", alpha=0.06, lw=0, label="migration runs")
    panel.axvline(
        span.released_s - span.started_s, color="#26261f", lw=0.9, ls=(0, (5, 3)), label="open transaction ends"
    )
    panel.axhline(GOAL_MS, color="#5a8a3a", lw=0.9, label=f"{GOAL_MS} ms")
    points: dict[str, list[tuple[float, float]]] = {"read": [], "write": [], "failed": []}
    for sample in run["samples"]:
        due_s, ms = float(str(sample["started_s"])), float(str(sample["duration_ms"]))
        if due_s <= span.ended_s + LEAD_OUT_S:  # then the next step begins
            kind = "failed" if sample["error"] else "read" if str(sample["kind"]).startswith("read") else "write"
            points[kind].append((due_s - span.started_s, max(FLOOR_MS, ms)))
    for kind, found in points.items():
        x, y = [at for at, _ in found], [ms for _, ms in found]
        panel.scatter(x, y, s=3.5 if kind != "failed" else 10, color=COLORS[kind], alpha=0.75, lw=0, label=kind)
    _mark(panel, span)


def _mark(panel: Axes, span: Span) -> None:
    """Name the parts of the file where they begin, each a little lower so that neighbours don't overlap."""
    marks = [(at_s, name) for at_s, name in span.marks if name in PARTS]
    for number, (at_s, name) in enumerate(marks):
        panel.axvline(at_s - span.started_s, color="#8a8a84", lw=0.6, ls=":")
        panel.text(
            at_s - span.started_s,
            0.95 - 0.07 * number,
            f" {name.lower()}",
            fontsize=8,
            va="top",
            transform=panel.get_xaxis_transform(),
        )


if __name__ == "__main__":
    main()
