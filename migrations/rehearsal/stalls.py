"""What an application's statements met while a migration ran: which step held one up, and for how long."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from migrations.rehearsal.load import Sample

# As the runner says it: 041 +1.23 s  Columns
_STEP = re.compile(r"(?P<version>\d{3}) \+[\d.]+ s  (?P<step>.+)")
_END = "done"


@dataclass(frozen=True, slots=True)
class Span:
    """A time, in seconds since the load's start."""

    version: int
    step: str
    started_s: float
    ended_s: float

    @property
    def time(self) -> tuple[float, float]:
        """From when to when."""
        return self.started_s, self.ended_s

    @property
    def duration_ms(self) -> float:
        """How long it took."""
        return (self.ended_s - self.started_s) * 1_000


@dataclass(frozen=True, slots=True)
class Waits:
    """What statements met that were on their way during a time."""

    count: int
    failed: int
    longest_ms: float
    errors: tuple[str, ...]
    """Each kind of error once, five at most."""


@dataclass(slots=True)
class Watch:
    """Listens to the runner, and notes when each step began; `now_s` is the load's clock."""

    now_s: Callable[[], float]
    said: list[str] = field(default_factory=list)
    spans: list[Span] = field(default_factory=list)
    _open: tuple[int, str, float] | None = None

    def say(self, line: str) -> None:
        """Hear a line."""
        self.said.append(line)
        if match := _STEP.fullmatch(line):
            self.end()
            if match["step"] != _END:
                self._open = (int(match["version"]), match["step"], self.now_s())

    def end(self) -> None:
        """End the step that is open, if one is: it is over, or it failed."""
        if self._open:
            self.spans.append(Span(*self._open, self.now_s()))
            self._open = None


def within(samples: Iterable[Sample], *times: tuple[float, float]) -> list[Sample]:
    """Return the statements that were on their way at some moment of these times."""
    return [
        one
        for one in samples
        if any(
            one.started_s < ended_s and one.started_s + one.duration_ms / 1_000 > started_s
            for started_s, ended_s in times
        )
    ]


def during(samples: Iterable[Sample], *times: tuple[float, float]) -> Waits:
    """Return what the statements met that were on their way at some moment of these times, in seconds."""
    met = within(samples, *times)
    errors = [one.error for one in met if one.error]
    longest_ms = max((one.duration_ms for one in met), default=0.0)
    return Waits(len(met), len(errors), longest_ms, tuple(dict.fromkeys(errors))[:5])


def longest_by_slot(samples: Sequence[Sample], started_s: float, ended_s: float, slots: int) -> list[float]:
    """Return the longest wait, in ms, of the statements that were on their way in each of so many equal parts."""
    edges = [started_s + (ended_s - started_s) * n / slots for n in range(slots + 1)]
    return [during(samples, slot).longest_ms for slot in pairwise(edges)]
