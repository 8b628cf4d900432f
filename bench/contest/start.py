"""A whole contest: the server, the database, whoever can be started, and the figures."""

from __future__ import annotations

import asyncio
import time
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from bench.contest.agreement import answered
from bench.contest.contestants import CONTESTANTS, Setting, running
from bench.contest.data import Sizes, database
from bench.contest.documents import documents
from bench.contest.figures import Figure, Goal, Measured, figures, goals, of_itself
from bench.contest.not_measured import NotMeasured
from bench.contest.rounds import Contest, Entrant
from bench.crms import ROOM, copy
from db import embedded

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence
    from pathlib import Path

# Which write waits how long for the disk says nothing of what is compared here.
SERVER = {**ROOM, "synchronous_commit": "off"}


@dataclass(frozen=True, slots=True)
class Plan:
    """What is asked of a contest; without names in `only` and `asked`, all usual contestants and all documents."""

    home: Path
    rounds: int
    seconds: float
    connections: Sequence[int]
    only: Collection[str]
    asked: Collection[str]
    token: str
    jwt_secret: str
    say: Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was measured, and of whom not: `{name: why}`."""

    rows: int
    postgres: str
    rounds: int
    seconds: float
    figures: list[Figure]
    goals: list[Goal]
    contestants: list[Measured]
    not_measured: dict[str, str]

    def plain(self) -> dict[str, object]:
        """Return it as JSON has it."""
        found = asdict(self)
        found["goals"] = [{**asdict(goal), "is_reached": goal.is_reached} for goal in self.goals]
        return found


def run(plan: Plan, rows: int) -> Outcome:
    """Hold a contest on so many interactions. The first time the database is made: 10 s for each 100,000."""
    sizes = Sizes(rows)
    every = {one.name: one for one in documents(sizes)}
    asked = [one for name, one in every.items() if name in (plan.asked or every)]
    with ExitStack() as stack:
        server = stack.enter_context(embedded.start(plan.home, settings=SERVER))
        crm = database(server, sizes)
        if any(document.is_mutation for document in asked):
            crm = stack.enter_context(copy(crm))  # what is kept stays as it was made
        setting = Setting(crm, plan.home, plan.token, plan.jwt_secret)
        entrants, absent = [], {}
        for contestant in CONTESTANTS:
            if contestant.name in plan.only or (contestant.is_usual and not plan.only):
                try:
                    one = stack.enter_context(running(contestant, setting))
                    asyncio.run(answered(one, every["Q2"], 0))
                    entrants.append(Entrant(one, time.perf_counter() - one.started))
                except NotMeasured as exc:
                    absent[contestant.name] = str(exc)
        asyncio.run(Contest(crm, plan.rounds, plan.seconds, plan.connections, plan.say).hold(entrants, asked))
    found, measured = figures(entrants), [of_itself(one) for one in entrants]
    return Outcome(
        rows=rows,
        postgres=server.version,
        rounds=plan.rounds,
        seconds=plan.seconds,
        figures=found,
        goals=goals(found, measured),
        contestants=measured,
        not_measured=absent | {one.running.contestant.name: one.failure for one in entrants if one.failure},
    )
