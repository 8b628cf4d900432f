"""The contest itself: each document at each number of connections, in rounds in which every contestant has its turn."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bench.contest.agreement import answers, check, opened
from bench.contest.load import BadAnswer, load
from bench.contest.not_measured import NotMeasured
from bench.contest.usage import memory_bytes, used

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from bench.contest.contestants import Running
    from bench.contest.documents import Document
    from bench.crms import Crm


@dataclass(frozen=True, slots=True)
class Round:
    """One contestant's turn: how long each answer took, and what all of them took of the machine."""

    latencies_ms: list[float]
    duration_s: float
    server_s: float
    """Processor seconds of the contestant's processes."""
    postgres_s: float
    """Processor seconds of its database sessions."""
    answer_bytes: float
    """The mean length of an answer."""
    refused_ms: list[float]
    """How long each took that was answered otherwise; it is not among the latencies."""

    @property
    def requests(self) -> int:
        """How many were answered with data."""
        return len(self.latencies_ms)


@dataclass(slots=True)
class Entrant:
    """A contestant in the contest, and what was measured of it; `failure` says why it is out."""

    running: Running
    cold_s: float
    """From the start of its process to its first answer."""
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1_000))
    rounds: dict[tuple[str, int], list[Round]] = field(default_factory=dict)
    """By document and connections."""
    memory_bytes: int = 0
    """The most that was seen after a round."""
    failure: str = ""


@dataclass(frozen=True, slots=True)
class Contest:
    """How it is held: so many rounds, in each of which a contestant is under load for so many seconds."""

    crm: Crm
    rounds: int
    seconds: float
    connections: Sequence[int]
    say: Callable[[str], None]

    async def hold(self, entrants: Sequence[Entrant], documents: Sequence[Document]) -> None:
        """Compare answers first, then measure; an entrant that fails is out, and the others go on."""
        for document in documents:
            asked = await self._compared(entrants, document)
            for connections in self.connections:
                self.say(f"{document.name} at {connections} connection{'s'[: connections - 1]}")
                for _ in range(self.rounds + 1):  # the first one warms up
                    for entrant, own in asked:
                        await self._turn(entrant, own, connections)
        for entrant in entrants:
            for rounds in entrant.rounds.values():
                del rounds[0]

    async def _compared(self, entrants: Sequence[Entrant], document: Document) -> list[tuple[Entrant, Document]]:
        """Compare the answers of all who know the document; return who gives the same, with what it is asked."""
        expected: list[object] | None = None
        asked = []
        for entrant in entrants:
            if entrant.failure or document.name not in entrant.running.contestant.queries:
                continue
            try:
                own = await opened(entrant.running, document)
                found = await answers(entrant.running, own)
                check(document, expected or found, found)
            except NotMeasured as exc:
                entrant.failure = str(exc)
            else:
                expected = expected or found
                asked.append((entrant, own))
        return asked

    async def _turn(self, entrant: Entrant, document: Document, connections: int) -> None:
        if entrant.failure:
            return
        running = entrant.running
        requests = (running.request(document, number) for number in entrant.numbers)
        before = used(running.pid, self.crm)
        try:
            found = await load(running.port, requests, connections=connections, seconds=self.seconds)
        except (BadAnswer, TimeoutError, OSError) as exc:
            why = str(exc) or "a request took longer than a minute"
            entrant.failure = f"under load of {document.name}, {connections} at a time: {why}"
            return
        if not found.latencies_ms:
            entrant.failure = f"under load of {document.name}, {connections} at a time: {found.complaint}"
            return
        server_s, postgres_s = used(running.pid, self.crm).since(before)
        answer_bytes = found.answered_bytes / len(found.latencies_ms)
        one = Round(found.latencies_ms, found.duration_s, server_s, postgres_s, answer_bytes, found.refused_ms)
        entrant.rounds.setdefault((document.name, connections), []).append(one)
        entrant.memory_bytes = max(entrant.memory_bytes, memory_bytes(running.pid))
