"""Live events: what was written down since a place in the stream, each event once, none left out."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cache
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    ColumnElement,
    Text,
    and_,
    bindparam,
    literal,
    or_,
    select,
    text,
    true,
)
from sqlalchemy import Uuid as UuidType

from db.event_places import BATCH as BATCH_SNAPSHOT
from db.event_places import (
    END,
    FAULT,
    FLUSHED,
    IS_RESTORED,
    LAST,
    LOG,
    SEEN,
    TIMELINE,
    TOP,
    XMAX,
    Horizon,
    Place,
    between,
    refuse,
)
from db.interactions import IS_ALIVE
from db.related_records import related_records
from db.statements import Statement, compiled, of_tenant, uuid_argument, with_condition
from db.tables import interactions, task_events
from db.task_events import COLUMNS, TaskEventRow, row_of
from db.task_filters import TaskFilter
from db.tasks import matching
from db.timeline_filters import TimelineFilter, is_in_time, is_wanted

if TYPE_CHECKING:
    from collections.abc import Iterator
    from uuid import UUID

    from sqlalchemy import BindParameter

    from db.records import RecordKind
    from db.sessions import Session

BATCH = 100
"""How many events one statement returns at most."""
LOOKED_AT = 500
"""How many lines of the log it looks at for them, for each transaction that is late and for all that are not."""
MOST_OPEN = 10_000
"""How many transactions can be late. No server has so many connections; a place that somebody has made up could name
all that there ever were, and each reading would look for each of them."""


@dataclass(frozen=True, slots=True)
class View:
    """What somebody watches: of one record or of all, tasks or interactions of every kind."""

    kind: RecordKind | None = None
    record_id: UUID | None = None
    is_related_included: bool = False
    filter: TaskFilter | TimelineFilter = field(default_factory=TaskFilter)


@dataclass(frozen=True, slots=True)
class LiveEvent:
    """An event in a view, with its place; not `is_in_view` when the interaction has just left it."""

    place: Place
    event: TaskEventRow
    is_in_view: bool


@dataclass(frozen=True, slots=True)
class Reading:
    """Some events, the place after them, and whether there may be more at once."""

    events: list[LiveEvent]
    place: Place
    has_more: bool


async def read(session: Session, place: Place, view: View, limit: int = BATCH) -> Reading:
    """Return the next events of a view, at most `limit`. 1 statement, whose cost follows from what is new alone.

    What is much is read bit by bit, so that a view with few events is none that takes too long. Raises ResumeExpired
    for a place in another stream, or one to which the log doesn't reach back, and Unavailable on a standby.
    """
    is_between = place.seen == place.batch
    rows = await session.rows(
        with_condition(_read(), MARK, interactions, is_in(view)),
        log=place.stream.log,
        timeline=place.stream.timeline,
        flushed=place.stream.flushed,
        last=place.stream.last,
        seen=place.seen.snapshot,
        seen_top=place.seen.top,
        seen_end=str(place.seen.end),
        batch=None if is_between else place.batch.snapshot,
        batch_top=None if is_between else place.batch.top,
        batch_end=None if is_between else place.batch.end,
        last_seq=0 if is_between else place.seq,
        limit=limit,
    )
    if fault := rows[0]["fault"]:
        refuse(fault)
    batch = Horizon(rows[0]["snapshot"], rows[0]["top"], rows[0]["end"])
    stream = replace(place.stream, timeline=rows[0]["timeline"])
    if is_between:  # a new batch: what it has was there now
        stream = replace(stream, flushed=rows[0]["flushed"], last=rows[0]["last"])
    events = [
        LiveEvent(Place(stream, place.seen, batch, row["seq"]), row_of(row), row["is_in_view"])
        for row in rows
        if row["seq"] is not None
    ]
    if len(events) == limit:
        return Reading(events, events[-1].place, has_more=True)
    reach = rows[0]["reach"]
    if reach < batch.top:
        return Reading(events, Place(stream, place.seen, batch, reach), has_more=True)
    # A batch that was begun before has ended here: what was committed since it was cut is in none yet.
    return Reading(events, between(stream, batch), has_more=not is_between)


def is_in(view: View) -> ColumnElement[bool]:
    """Return the condition on a row of lead_interactions that it is in the view."""
    return and_(true(), *_conditions(view))


def _conditions(view: View) -> Iterator[ColumnElement[bool]]:
    match view.filter:
        case TaskFilter():
            yield from matching(view.filter)
        case TimelineFilter():
            yield of_tenant(interactions)
            yield IS_ALIVE
            yield is_in_time(view.filter)
            yield is_wanted(view.filter)
    if view.kind is not None and view.record_id is not None:
        own = interactions.c[view.kind.column] == view.record_id
        yield or_(own, *_of_related(view.kind, view.record_id)) if view.is_related_included else own


def _of_related(kind: RecordKind, record_id: UUID) -> Iterator[ColumnElement[bool]]:
    asked = select(literal(record_id, UuidType).label("id")).subquery("asked")
    for other, records in related_records(kind, asked).items():
        yield interactions.c[other.column].in_(select(records.subquery().c.id))


MARK = "/* in view */ true"

# The row before and after is given the table's own name, so that a filter's condition fits it as it stands: it is
# written once, for tables and for events. Of the row before, a line has what changed.
_EVENTS = f"""
SELECT e.seq, e.is_in_view
  FROM (SELECT n.seq,
               EXISTS (SELECT FROM jsonb_populate_record(CAST(NULL AS lead_interactions),
                                                         coalesce(n.after || n.before, n.before)) AS lead_interactions
                        WHERE {MARK}) AS was_in_view,
               EXISTS (SELECT FROM jsonb_populate_record(CAST(NULL AS lead_interactions), n.after) AS lead_interactions
                        WHERE {MARK}) AS is_in_view
          FROM taskline_events AS n
         WHERE n.organization_id = :organization_id AND n.seq <= r.reach AND {{}}) AS e
 WHERE e.was_in_view OR e.is_in_view
 ORDER BY e.seq LIMIT :limit
"""  # noqa: S608 - our own words

# Two walks along an index each, both in the order of the sequence: by those who had begun to write at the snapshot that
# was seen and not ended, one by one, and of all others what has a later sequence. Their numbers say nothing: a server
# that ended suddenly, or a standby that took over, gives numbers out again whose transactions left nothing. Sequences
# only go up. What a restore has put here is late for nobody.
_LATE = "n.xid = w.xid AND n.seq > :last_seq"
_NEW = "n.seq > greatest(:seen_top, :last_seq)"
_SEEN_END = "CAST(CAST(:seen_end AS text) AS xid8)"
_IS_DONE = "pg_visible_in_snapshot(n.xid, s.snapshot)"
_LATE_EVENTS = _EVENTS.format(f"{_LATE} AND {_IS_DONE} AND NOT {IS_RESTORED.format('n')}")
_NEW_EVENTS = _EVENTS.format(f"{_NEW} AND (n.xid <> ALL (s.late) AND {_IS_DONE} OR {IS_RESTORED.format('n')})")
_NEXT = f"""
SELECT n.xid FROM taskline_events AS n
 WHERE n.organization_id = :organization_id AND n.xid {{}} AND n.xid < {_SEEN_END} ORDER BY n.xid LIMIT 1
"""  # noqa: S608 - our own words
_NTH = f"""
SELECT n.seq FROM taskline_events AS n
 WHERE n.organization_id = :organization_id AND n.seq <= s.top AND {{}}
 ORDER BY n.seq LIMIT 1 OFFSET {LOOKED_AT - 1}
"""  # noqa: S608 - our own words
# Each found by a step in an index, however much it has written.
_BEGUN = f"""
WITH RECURSIVE begun (xid) AS (
  SELECT ({_NEXT.format(f">= pg_snapshot_xmax({SEEN})")})
   UNION ALL
  SELECT ({_NEXT.format("> begun.xid")}) FROM begun WHERE begun.xid IS NOT NULL
)
SELECT begun.xid FROM begun WHERE begun.xid IS NOT NULL LIMIT {MOST_OPEN + 1}
"""  # noqa: S608 - our own words
_FOUND = f"""
SELECT CAST(s.snapshot AS text) AS snapshot, s.top, s.ended AS "end", s.timeline, s.flushed, s.last,
       r.reach, r.fault, e.seq, e.is_in_view
  FROM (SELECT coalesce({BATCH_SNAPSHOT}, pg_current_snapshot()) AS snapshot, coalesce(:batch_top, ({TOP})) AS top,
               coalesce(:batch_end, {END}) AS ended, {XMAX} AS next_xid, ({LOG}) AS log,
               {TIMELINE} AS timeline, {FLUSHED} AS flushed, ({LAST}) AS last,
               ARRAY(SELECT w.xid FROM pg_snapshot_xip({SEEN}) AS w (xid) UNION ALL ({_BEGUN})) AS late
        OFFSET 0) AS s
 CROSS JOIN LATERAL (
    SELECT least(s.top, ({_NTH.format(_NEW)}),
                 (SELECT min(nth.seq) FROM unnest(s.late) AS w (xid)
                   CROSS JOIN LATERAL ({_NTH.format(_LATE)}) AS nth)) AS reach,
           CASE WHEN cardinality(s.late) > {MOST_OPEN} THEN 'crowded' ELSE {FAULT} END AS fault
    OFFSET 0) AS r
  LEFT JOIN LATERAL (
    SELECT * FROM ((SELECT late.* FROM unnest(s.late) AS w (xid) CROSS JOIN LATERAL ({_LATE_EVENTS}) AS late)
                   UNION ALL ({_NEW_EVENTS})) AS v
     ORDER BY v.seq LIMIT :limit) AS e ON true
"""  # noqa: S608 - our own words


_NUMBERS = ("timeline", "flushed", "seen_top", "batch_top", "batch_end", "last_seq", "limit")


@cache
def _read() -> Statement:
    arguments: tuple[BindParameter[Any], ...] = (
        uuid_argument("organization_id"),
        *(bindparam(name, type_=Text) for name in ("log", "last", "seen", "seen_end", "batch")),
        *(bindparam(name, type_=BigInteger) for name in _NUMBERS),
    )
    types = {"snapshot": Text, "fault": Text, "last": Text} | dict.fromkeys(
        ("top", "end", "timeline", "flushed", "reach"), BigInteger
    )
    found = text(_FOUND).bindparams(*arguments).columns(**types, seq=BigInteger, is_in_view=Boolean).cte("found")
    is_same = and_(of_tenant(task_events), task_events.c.seq == found.c.seq)
    shown = (found.c[name] for name in (*types, "is_in_view"))
    query = select(*COLUMNS, *shown).select_from(found.outerjoin(task_events, is_same))
    return compiled(query.order_by(found.c.seq))
