"""Timelines: everything that happened or is planned with a record, and perhaps with related ones, the latest first."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from db import timeline_counts, timelines
from db.instants import from_us, to_us
from db.interactions import ATTRIBUTES, BY_TIME, known_attributes
from db.keyset import Page, Window
from db.linked_rows import INTERACTIONS, known_paths
from db.timeline_counts import Sorting
from errors import BadUserInput, NotFound
from resolvers.cursors import scope_of
from resolvers.pages import PageRequest, RowPage, row_page
from resolvers.records import record_by_id

if TYPE_CHECKING:
    from db.keyset import Place
    from db.linked_rows import Path
    from db.records import RecordKind
    from db.timeline_filters import Timeline
    from db.timelines import EntryRow
    from resolvers.loaders import Loaders
    from resolvers.records import RecordRow

SMALLEST_ID, LARGEST_ID = UUID(int=0), UUID(int=2**128 - 1)


@dataclass(frozen=True, slots=True)
class RecordTimeline:
    """One record's timeline; the record is known to be there."""

    timeline: Timeline
    record_id: UUID
    foreseen: frozenset[Path] = frozenset()
    """What will be followed from its entries, and comes with them."""
    attributes: tuple[str, ...] = ATTRIBUTES
    """What is read of its entries."""

    @property
    def scope(self) -> str:
        """What its cursors belong to."""
        return scope_of("timeline", self.timeline, self.record_id)

    @property
    def paths(self) -> tuple[Path, ...]:
        """What is read with the entries: all but the record itself, where all of them link to it."""
        of_entries = known_paths(INTERACTIONS, self.foreseen)
        if self.timeline.is_related_included:
            return of_entries
        return tuple(path for path in of_entries if path[0] != self.timeline.kind)


async def timeline_of(
    loaders: Loaders,
    timeline: Timeline,
    record_id: UUID,
    foreseen: frozenset[Path] = frozenset(),
    asked: frozenset[str] | None = None,
) -> RecordTimeline:
    """Return a record's timeline, of whose entries these relations will be followed and these attributes shown.

    Raises NotFound. 1 statement.
    """
    of_record = frozenset(path[1:] for path in foreseen if path[0] == timeline.kind)
    await loaders.load_linked(f"{timeline.kind}s", record_id, of_record)
    if await record_by_id(loaders, timeline.kind, record_id) is None:
        raise NotFound(f"There is no {timeline.kind} {record_id} in your organization. Choose another record.")
    return RecordTimeline(timeline, record_id, foreseen, known_attributes(asked))


async def page_of_timeline(
    loaders: Loaders, of: RecordTimeline, request: PageRequest, at: datetime | None
) -> RowPage[EntryRow]:
    """Return a page of a timeline, the latest entry first; one opened `at` an instant begins or ends there.

    Raises BadUserInput, BadCursor or LimitExceeded. 1 statement, 2 with `at`, for all
    records of which the same is asked.
    """
    scope = of.scope
    window = request.window(BY_TIME, scope)
    if at is None:
        return _shown(await _page(loaders, of, window), window, of, scope)
    if request.after is not None or request.before is not None:
        raise BadUserInput("Both at and a cursor are given. Give at for the first page, and a cursor for the others.")
    past, future = _sides(at)
    here, there = (future, past) if window.is_from_end else (past, future)
    page, beyond = await asyncio.gather(
        _page(loaders, of, replace(here, limit=window.limit)), _page(loaders, replace(of, foreseen=frozenset()), there)
    )
    shown = _shown(page, window, of, scope)
    if window.is_from_end:
        return replace(shown, has_next=beyond.has_more)
    return replace(shown, has_previous=beyond.has_more)


async def count_timeline(loaders: Loaders, of: RecordTimeline) -> int:
    """Count all entries of a timeline, each once. 1 statement for all records of which it is asked."""
    counted = loaders.answering(
        ("count", of.timeline),
        lambda session, ids: timeline_counts.counts(session, of.timeline, Sorting.NOTHING, ids),
        lambda row: row.record_id,
    )
    found = await counted.load(of.record_id)
    return found.count if found else 0


async def record_of_link(loaders: Loaders, entry: EntryRow, kind: RecordKind) -> RecordRow:
    """Return the record by whose link an entry came to a timeline. It is there: its row was read to find the entry."""
    row = await record_by_id(loaders, kind, getattr(entry.interaction, kind.column))
    if row is None:
        raise NotFound(f"The {kind} by which this entry came was deleted at this very moment. Ask again.")
    return row


def _sides(at: datetime) -> tuple[Window, Window]:
    """Return empty windows at the two sides of an instant: up to it and with it, and after it."""
    just_after = from_us(to_us(at) + 1)
    return Window(0, after=(just_after, SMALLEST_ID)), Window(0, before=(at, LARGEST_ID), is_from_end=True)


async def _page(loaders: Loaders, of: RecordTimeline, window: Window) -> Page:
    paths, places = of.paths, (_exact(window.after), _exact(window.before))
    question = "page", of.timeline, window.limit, window.is_from_end, *places, of.attributes, paths
    read = loaders.answering(
        question,
        lambda session, ids: timelines.pages(session, of.timeline, window, ids, attributes=of.attributes, paths=paths),
        lambda found: found.record_id,
    )
    found = await read.load(of.record_id)
    if found is None:
        return Page([], [], has_more=False)
    loaders.prime(found.linked)
    return found.page


def _exact(place: Place | None) -> tuple[object, ...] | None:
    """Tell places apart whose instants Python can't hold, and takes for equal."""
    return None if place is None else tuple(to_us(part) if isinstance(part, datetime) else part for part in place)


def _shown(page: Page, window: Window, of: RecordTimeline, scope: str) -> RowPage[EntryRow]:
    return row_page(timelines.entries_of(page, of.attributes), page, window, scope)
