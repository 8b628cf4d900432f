"""What runs say in figures: of each step the longest stall, what failed, and how long it took."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench.runs import Window
from migrations.rehearsal.load import Sample, summary

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bench.runs import Run

QUIET = "nothing"


@dataclass(frozen=True, slots=True)
class Figure:
    """The application's statements under way during one step; `after_s` is what it took after the open transaction."""

    style: str
    is_held: bool
    step: str
    statements: int
    failed: int
    p50_ms: float
    p99_ms: float
    longest_ms: float
    duration_s: float
    after_s: float | None
    is_success: bool


def figures(run: Run) -> list[Figure]:
    """Return the figures of the quiet time before the first step, and then of each step."""
    quiet = Window(QUIET, 0, run.quiet_s, None, is_success=True, said="", marks=[])
    return [_figure(run, window) for window in (quiet, *run.windows)]


def table(found: Iterable[Figure]) -> list[str]:
    """Return the figures as the lines of a Markdown table."""
    lines = [
        "| style | transaction open | step | statements | failed | p50 ms | p99 ms | longest ms | took s | after s |",
        "|---|---|---|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for one in found:
        cells = [
            one.style,
            "yes" if one.is_held else "no",
            one.step if one.is_success else f"{one.step} (refused)",
            str(one.statements),
            str(one.failed),
            f"{one.p50_ms:.1f}",
            f"{one.p99_ms:.0f}",
            f"{one.longest_ms:.0f}",
            f"{one.duration_s:.1f}",
            "" if one.after_s is None else f"{one.after_s:.1f}",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def under_way(samples: Iterable[Sample], started_s: float, ended_s: float) -> list[Sample]:
    """Return those that had begun, or were due, before the end and weren't done before the start."""
    return [
        sample
        for sample in samples
        if sample.started_s <= ended_s and sample.started_s + sample.duration_ms / 1_000 >= started_s
    ]


def _figure(run: Run, window: Window) -> Figure:
    met = summary(under_way(run.samples, window.started_s, window.ended_s))
    return Figure(
        style=run.style,
        is_held=run.is_held,
        step=window.step,
        statements=met.count,
        failed=met.failed,
        p50_ms=met.p50_ms,
        p99_ms=met.p99_ms,
        longest_ms=met.longest_ms,
        duration_s=window.ended_s - window.started_s,
        after_s=None if window.released_s is None else window.ended_s - window.released_s,
        is_success=window.is_success,
    )
