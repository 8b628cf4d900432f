"""A timeline in groups: by days, weeks or months of a time zone, by pile, by status, by what is linked."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from db.filters import UNKNOWN
from db.task_filters import KNOWN_STATUSES
from db.timeline_counts import CountRow, Sorting, counts, ends, utc_starts
from errors import LimitExceeded
from resolvers.due_buckets import DueBucket, due_dates
from resolvers.links import EVERY_COMBINATION
from resolvers.zones import Stretch, Unit, stretch_at

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime
    from uuid import UUID

    from db.sessions import Session
    from db.timeline_filters import Timeline
    from resolvers.loaders import Loaders
    from resolvers.timelines import RecordTimeline

MOST_STRETCHES = 2_000  # days of five years, or months of 166
FEW_STRETCHES = 400
"""As many are cut without asking which of them hold anything: months of 33 years, 1 ms."""
LEAST_DAYS = {Unit.DAY: 1, Unit.WEEK: 7, Unit.MONTH: 28}

# In the order in which clients see them.
PILES = (
    DueBucket.OVERDUE,
    DueBucket.TODAY,
    DueBucket.THIS_WEEK,
    DueBucket.LATER,
    DueBucket.NO_DUE_DATE,
    DueBucket.CLOSED,
)
LINK_KEYS = ["+".join(kinds) for kinds in (*EVERY_COMBINATION[1:], EVERY_COMBINATION[0])]  # without a link last
NO_LINK = "NONE"


class GroupUnit(StrEnum):
    """What a timeline can be grouped by."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    BUCKET = "bucket"
    STATUS = "status"
    LINKS = "links"


@dataclass(frozen=True, slots=True)
class Grouping:
    """What to group by; zone and now say when days begin and end, and what is due."""

    unit: GroupUnit
    zone: ZoneInfo
    now: datetime


@dataclass(frozen=True, slots=True)
class Group:
    """A part of a timeline; one that is no stretch of time has no ends."""

    key: str
    count: int
    starts_at: datetime | None = None
    ends_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class RecordGroups:
    """The groups of one record's timeline."""

    record_id: UUID
    groups: list[Group]


async def groups_of_timeline(loaders: Loaders, of: RecordTimeline, by: Grouping) -> list[Group]:
    """Return how many entries each group has: the latest first, or in the order of its enum. Empty ones are absent.

    Raises LimitExceeded. 1 statement, for stretches of time 2, and 3 where these may be many, for all records of which
    the same is asked.
    """
    grouped = loaders.answering(
        ("groups", of.timeline, by),
        lambda session, ids: _groups(session, of.timeline, by, ids),
        lambda found: found.record_id,
    )
    found = await grouped.load(of.record_id)
    return found.groups if found else []


async def _groups(session: Session, timeline: Timeline, by: Grouping, ids: Sequence[UUID]) -> list[RecordGroups]:
    match by.unit:
        case GroupUnit.BUCKET:
            due = due_dates(by.now, by.zone)
            ends = {"today_ends_at": due.today_ends_at, "week_ends_at": due.week_ends_at}
            return _in_order(ids, await counts(session, timeline, Sorting.PILE, ids, now=by.now, **ends), PILES)
        case GroupUnit.STATUS:
            rows = await counts(session, timeline, Sorting.STATUS, ids)
            return _in_order(ids, rows, [*KNOWN_STATUSES, UNKNOWN])
        case GroupUnit.LINKS:
            return _in_order(ids, await counts(session, timeline, Sorting.LINKS, ids), LINK_KEYS)
        case _:
            return await _by_time(session, timeline, Unit(by.unit), by.zone, ids)


async def _by_time(
    session: Session, timeline: Timeline, unit: Unit, zone: ZoneInfo, ids: Sequence[UUID]
) -> list[RecordGroups]:
    """Ask first where entries are, roughly; cut that part of time as the zone does; then count between the cuts."""
    stretches = {stretch.starts_at: stretch for stretch in await _around(session, timeline, unit, zone, ids)}
    starts = sorted(stretches)
    rows = await counts(session, timeline, Sorting.STRETCH, ids, starts=starts) if starts else []

    def shown(row: CountRow) -> Group:
        stretch = stretches[starts[int(row.key)]]
        return Group(stretch.key, row.count, stretch.starts_at, stretch.ends_at)

    latest_first = sorted(rows, key=lambda row: int(row.key), reverse=True)
    return [RecordGroups(id_, [shown(row) for row in latest_first if row.record_id == id_]) for id_ in ids]


async def _around(
    session: Session, timeline: Timeline, unit: Unit, zone: ZoneInfo, ids: Sequence[UUID]
) -> list[Stretch]:
    """Return the stretches in which entries may be: all between the first and the last, where these are few.

    Otherwise those that hold any, which only the entries themselves can tell.
    """
    found = await ends(session, timeline, ids)
    if found is None:
        return []
    if (found[1] - found[0]).days <= FEW_STRETCHES * LEAST_DAYS[unit]:
        return list(_between(*found, unit, zone))
    roughly = await utc_starts(session, timeline, unit, MOST_STRETCHES + 1, ids)
    if len(roughly) > MOST_STRETCHES:
        raise LimitExceeded(
            f"The timeline has more than {MOST_STRETCHES:,} groups by {unit}. Take a longer unit, or filter "
            "by occursAt."
        )
    utc = ZoneInfo("UTC")
    return [beside for start in roughly for beside in _between(start, stretch_at(unit, start, utc).ends_at, unit, zone)]


def _between(first: datetime, last: datetime, unit: Unit, zone: ZoneInfo) -> Iterator[Stretch]:
    """Yield the zone's stretches from that which holds the first instant to that which holds the last, or ends time."""
    stretch = stretch_at(unit, first, zone)
    yield stretch
    while stretch.ends_at <= last:
        before, stretch = stretch, stretch_at(unit, stretch.ends_at, zone)
        if stretch == before:
            return
        yield stretch


def _in_order(ids: Sequence[UUID], rows: Sequence[CountRow], keys: Sequence[str]) -> list[RecordGroups]:
    found = {(row.record_id, row.key): row.count for row in rows}
    return [
        RecordGroups(id_, [Group(_printed(key), found[id_, key]) for key in keys if (id_, key) in found]) for id_ in ids
    ]


def _printed(key: str) -> str:
    return key.upper() or NO_LINK
