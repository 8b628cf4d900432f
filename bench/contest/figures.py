"""What the rounds come to: a line for each contestant, document and number of connections, and the goals."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from bench.contest.contestants import LIMIT, TASKLINE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bench.contest.rounds import Entrant, Round

# Processor time under load: at most so many times that of another contestant.
GOALS: Mapping[tuple[str, str], float] = MappingProxyType(
    {
        ("Q1", LIMIT): 1.5,
        ("Q1", "postgraphile"): 0.55,
        ("Q1", "mercurius"): 0.85,
        ("Q2", LIMIT): 2,
        ("Q2", "postgraphile"): 0.6,
        ("Q3", LIMIT): 1.3,
        ("Q3", "postgraphile"): 0.5,
        ("M1", LIMIT): 2.5,
    }
)
MEMORY_GOAL_MB = 122
"""60 more than what is imported takes by itself."""
COLD_GOAL_S = 1.5
P99_GOAL = 3
"""At most so many times the median, under load."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One contestant's, of one document. Times of processors are the median round's, and for one request."""

    document: str
    connections: int
    contestant: str
    requests: int
    failed: int
    """How many more were answered with an error, as by a server that has no connection free in time."""
    server_us: float
    postgres_us: float
    sum_us: float
    ratio: float
    """Its sum divided by that of the first contestant in the same round; the median round's."""
    requests_per_s: float
    p50_ms: float
    p99_ms: float
    """Of all waits, those that ended with an error among them."""
    answer_bytes: float


@dataclass(frozen=True, slots=True)
class Measured:
    """What was measured of a contestant whatever it was asked."""

    name: str
    what: str
    memory_mb: float
    """Resident memory of its processes, after the round in which it was most."""
    cold_s: float
    """From the start of its process to its first answer."""


@dataclass(frozen=True, slots=True)
class Goal:
    """What Taskline is to reach, and what was measured."""

    document: str
    """Empty for what is the same for all."""
    what: str
    at_most: float
    measured: float

    @property
    def is_reached(self) -> bool:
        """Whether it is."""
        return self.measured <= self.at_most


def figures(entrants: Sequence[Entrant]) -> list[Figure]:
    """Return the figures of those that weren't out, ordered by document, connections and contestant."""
    measured = [entrant for entrant in entrants if not entrant.failure]
    return [
        _figure(entrant, place, measured[0].rounds[place])
        for place in (measured[0].rounds if measured else ())
        for entrant in measured
        if place in entrant.rounds
    ]


def of_itself(entrant: Entrant) -> Measured:
    """Return what was measured whatever was asked."""
    contestant = entrant.running.contestant
    return Measured(contestant.name, contestant.what, entrant.memory_bytes / 1e6, entrant.cold_s)


def goals(found: Sequence[Figure], measured: Sequence[Measured]) -> list[Goal]:
    """Return the goals for which all that they need was measured. Where Taskline takes part, it is the first."""
    at_load = {(one.document, one.contestant): one for one in under_load(found)}
    ratios = [
        Goal(document, f"processor time, times that of {other}", most, 1 / at_load[document, other].ratio)
        for (document, other), most in GOALS.items()
        if (document, TASKLINE) in at_load and (document, other) in at_load
    ]
    waits = [
        Goal(document, "p99, times p50", P99_GOAL, one.p99_ms / one.p50_ms)
        for (document, contestant), one in at_load.items()
        if contestant == TASKLINE
    ]
    of_all = [
        goal
        for one in measured
        if one.name == TASKLINE
        for goal in (
            Goal("", "memory, MB", MEMORY_GOAL_MB, one.memory_mb),
            Goal("", "from start to first answer, s", COLD_GOAL_S, one.cold_s),
        )
    ]
    return ratios + waits + of_all


def under_load(found: Sequence[Figure]) -> list[Figure]:
    """Return those at the largest number of connections."""
    most = max((one.connections for one in found), default=0)
    return [one for one in found if one.connections == most]


def _figure(entrant: Entrant, place: tuple[str, int], first: Sequence[Round]) -> Figure:
    rounds = entrant.rounds[place]
    waits = sorted(wait for one in rounds for wait in (*one.latencies_ms, *one.refused_ms))
    return Figure(
        document=place[0],
        connections=place[1],
        contestant=entrant.running.contestant.name,
        requests=sum(one.requests for one in rounds),
        failed=sum(len(one.refused_ms) for one in rounds),
        server_us=statistics.median(one.server_s / one.requests for one in rounds) * 1e6,
        postgres_us=statistics.median(one.postgres_s / one.requests for one in rounds) * 1e6,
        sum_us=statistics.median(_sum_us(one) for one in rounds),
        ratio=statistics.median(_sum_us(one) / _sum_us(other) for one, other in zip(rounds, first, strict=True)),
        requests_per_s=statistics.median(one.requests / one.duration_s for one in rounds),
        p50_ms=statistics.median(waits),
        p99_ms=waits[int(len(waits) * 0.99)],
        answer_bytes=statistics.mean(one.answer_bytes for one in rounds),
    )


def _sum_us(one: Round) -> float:
    return (one.server_s + one.postgres_s) / one.requests * 1e6
