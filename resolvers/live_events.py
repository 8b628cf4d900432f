"""Following a view: its events one by one, as they are committed, from a place in the stream on."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from db import live_events
from db.event_places import STANDBY, current_place
from errors import TimedOut, Unavailable
from resolvers import resume_tokens

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Sequence
    from uuid import UUID

    from db.event_places import Place
    from db.live_events import LiveEvent, View
    from db.sessions import Session
    from db.task_events import TaskEventRow
    from resolvers.loaders import Loaders

log = logging.getLogger(__name__)

LOOK_S = 5.0
"""How long nobody looks for events if no word of them comes."""
REST_S = 0.02
"""How long somebody who has just looked waits before looking again: what is written meanwhile is read together."""


RETRY_S = 1.0
"""How long somebody waits who could not look, because the database was away."""


class Bell:
    """Rung when events were written. Whoever waits is told of each ring after the one that was known before."""

    def __init__(self) -> None:
        self._rung = asyncio.Event()

    def ring(self) -> None:
        """Let all who wait go on."""
        rung, self._rung = self._rung, asyncio.Event()
        rung.set()

    def next_ring(self) -> asyncio.Event:
        """Return what the next ring will set. Ask before you look, and no ring falls between looking and waiting."""
        return self._rung


@dataclass(frozen=True, slots=True)
class Live:
    """What it takes to follow events: the bell, and sessions for looking."""

    bell: Bell
    session: Callable[[], Session]
    noted: Callable[[float], None] | None = None
    """Told how many seconds after its change began the last of some new events had been read."""


async def resume_token(loaders: Loaders, id_: UUID) -> str:
    """Return the place in the stream up to which an answer knows all. 1 statement for all that ask within it."""
    return resume_tokens.encode(await _place_of(loaders, id_))


async def cursor_of(loaders: Loaders, event: TaskEventRow, told_at: Place | None = None) -> str:
    """Return the place in the stream after an event: where it was told live, or after its line in the log.

    At most 1 statement for all lines of an answer.
    """
    return resume_tokens.encode(told_at or (await _place_of(loaders, event.task_id)).after(event))


async def _place_of(loaders: Loaders, id_: UUID) -> Place:
    """Return the place in the stream up to which an answer knows all; the id is whatever the answer is about."""

    async def places(session: Session, ids: Sequence[UUID]) -> list[tuple[UUID, Place]]:
        place = await current_place(session)
        return [(id_, place) for id_ in ids]

    found = await loaders.answering("place in the stream", places, lambda owned: owned[0]).load(id_)
    if found is None:
        raise AssertionError(id_)
    return found[1]


async def follow(live: Live, view: View, place: Place | None) -> AsyncGenerator[list[LiveEvent], None]:
    """Yield a view's events after a place, or after now, as many at once as were read together; without end.

    Whoever takes them slowly is read for slowly: nothing is kept for anybody. While the database is away it waits, says
    so once in the log, and goes on where it was. Raises ResumeExpired for a place from which that isn't possible, or
    not any more, and Unavailable when there is none because the database is a standby.
    """
    if place is None:
        async with live.session() as session:
            place = await current_place(session)
        if place.stream.timeline == 0:
            raise Unavailable(STANDBY)
    is_away, is_catching_up = False, True
    while True:
        ring = live.bell.next_ring()
        try:
            async with live.session() as session:
                reading = await live_events.read(session, place, view)
        except (Unavailable, TimedOut) as exc:
            if not is_away:  # once, and not for each try
                log.warning("events could not be read, trying again every %.0f s: %s", RETRY_S, exc.__cause__ or exc)
            is_away = True
            await asyncio.sleep(RETRY_S)
            continue
        place, is_away = reading.place, False
        if reading.events:
            if live.noted and not is_catching_up:
                live.noted(_age_s(reading.events[-1]))
            yield reading.events
        if not reading.has_more:
            is_catching_up = False
            await asyncio.sleep(REST_S)
            with suppress(TimeoutError):
                await asyncio.wait_for(ring.wait(), LOOK_S)


def _age_s(event: LiveEvent) -> float:
    return (datetime.now(UTC) - event.event.at).total_seconds()
