"""Live events: what was written down since a place in the stream, each event once, none left out.

Writers commit in another order than they write, so neither a sequence nor a time nor a transaction's id can tell what
is new: a reader that remembers the last one it saw loses whatever is committed late. Here a place is a pair of
snapshots. New is what the later snapshot sees and the earlier one doesn't; that is a batch, and it is read in the
order of the sequence. Nobody waits for a transaction that is still open: what it wrote is in a later batch.
"""

from __future__ import annotations

from dataclasses import dataclass, field
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


@dataclass(frozen=True, slots=True)
class Horizon:
    """What a reader could see at a moment: a snapshot as PostgreSQL writes it, `10:20:10,14,15`, and the last sequence.

    Whatever a transaction writes that began to write after the snapshot has a later sequence. So it is found by an
    index, in its order, however much is written at once.
    """

    snapshot: str
    top: int


@dataclass(frozen=True, slots=True)
class Place:
    """A place in the stream: all that `seen` sees has been read, and of what `batch` sees too, all up to `seq`.

    Both are equal between two batches.
    """

    seen: Horizon
    batch: Horizon
    seq: int


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


async def current_place(session: Session) -> Place:
    """Return the place after all that is committed now. 1 statement."""
    ((snapshot, top),) = await session.rows(_now())
    return _after(Horizon(snapshot, top))


async def is_ahead(session: Session, place: Place) -> bool:
    """Tell whether a place is in this database's future: it was given by another database. 1 statement."""
    ((answer,),) = await session.rows(_is_ahead(), snapshot=place.batch.snapshot)
    return bool(answer)


async def read(session: Session, place: Place, view: View, limit: int = BATCH) -> Reading:
    """Return the next events of a view, at most `limit`. 1 statement, whose cost follows from what is new alone."""
    is_between = place.seen == place.batch
    rows = await session.rows(
        with_condition(_read(), MARK, interactions, is_in(view)),
        seen=place.seen.snapshot,
        seen_top=place.seen.top,
        batch=None if is_between else place.batch.snapshot,
        batch_top=None if is_between else place.batch.top,
        last_seq=0 if is_between else place.seq,
        limit=limit,
    )
    batch = Horizon(rows[0]["snapshot"], rows[0]["top"])
    events = [
        LiveEvent(Place(place.seen, batch, row["seq"]), row_of(row), row["is_in_view"])
        for row in rows
        if row["seq"] is not None
    ]
    if len(events) == limit:
        return Reading(events, events[-1].place, has_more=True)
    # A batch that was begun before has ended here: what was committed since it was cut is in none yet.
    return Reading(events, _after(batch), has_more=not is_between)


def is_in(view: View) -> ColumnElement[bool]:
    """Return the condition on a row of lead_interactions that it is in the view."""
    return and_(true(), *_conditions(view))


def _conditions(view: View) -> Iterator[ColumnElement[bool]]:
    match view.filter:
        case TaskFilter():
            yield from matching(view.filter)
        case TimelineFilter():
            yield of_tenant(interactions)
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

_SNAPSHOT = "CAST(CAST(:{} AS text) AS pg_snapshot)"
_SEEN, _BATCH = _SNAPSHOT.format("seen"), _SNAPSHOT.format("batch")

_TOP = """
SELECT coalesce((SELECT seq FROM taskline_events WHERE organization_id = :organization_id ORDER BY seq DESC LIMIT 1), 0)
"""

# The row before and after is given the table's own name, so that a filter's condition fits it as it stands: it is
# written once, for tables and for events.
_EVENTS = f"""
SELECT e.seq, e.is_in_view
  FROM (SELECT n.seq,
               EXISTS (SELECT FROM jsonb_populate_record(CAST(NULL AS lead_interactions), n.before) AS lead_interactions
                        WHERE {MARK}) AS was_in_view,
               EXISTS (SELECT FROM jsonb_populate_record(CAST(NULL AS lead_interactions), n.after) AS lead_interactions
                        WHERE {MARK}) AS is_in_view
          FROM taskline_events AS n
         WHERE n.organization_id = :organization_id AND pg_visible_in_snapshot(n.xid, s.snapshot) AND {{}}) AS e
 WHERE e.was_in_view OR e.is_in_view
 ORDER BY e.seq LIMIT :limit
"""  # noqa: S608 - our own words

# Two walks along an index each, both in the order of the sequence: by those who were still writing at the snapshot that
# was seen, one by one, and by those who began later.
_LATE = _EVENTS.format("n.xid = w.xid AND n.seq > :last_seq")
_NEW = _EVENTS.format(
    f"n.seq > greatest(:seen_top, :last_seq) AND n.seq <= s.top AND n.xid >= pg_snapshot_xmax({_SEEN})"
)
_FOUND = f"""
SELECT CAST(s.snapshot AS text) AS snapshot, s.top, e.seq, e.is_in_view
  FROM (SELECT coalesce({_BATCH}, pg_current_snapshot()) AS snapshot, coalesce(:batch_top, ({_TOP})) AS top) AS s
  LEFT JOIN LATERAL (
    SELECT * FROM ((SELECT late.* FROM pg_snapshot_xip({_SEEN}) AS w (xid) CROSS JOIN LATERAL ({_LATE}) AS late)
                   UNION ALL ({_NEW})) AS v
     ORDER BY v.seq LIMIT :limit) AS e ON true
"""  # noqa: S608 - our own words


@cache
def _read() -> Statement:
    arguments: tuple[BindParameter[Any], ...] = (
        uuid_argument("organization_id"),
        *(bindparam(name, type_=Text) for name in ("seen", "batch")),
        *(bindparam(name, type_=BigInteger) for name in ("seen_top", "batch_top", "last_seq", "limit")),
    )
    columns = {"snapshot": Text, "top": BigInteger, "seq": BigInteger, "is_in_view": Boolean}
    found = text(_FOUND).bindparams(*arguments).columns(**columns).cte("found")
    is_same = and_(of_tenant(task_events), task_events.c.seq == found.c.seq)
    shown = found.c.snapshot, found.c.top, found.c.is_in_view
    query = select(*COLUMNS, *shown).select_from(found.outerjoin(task_events, is_same))
    return compiled(query.order_by(found.c.seq))


@cache
def _now() -> Statement:
    now = f"SELECT CAST(pg_current_snapshot() AS text) AS snapshot, ({_TOP}) AS top"
    return compiled(text(now).bindparams(uuid_argument("organization_id")))


@cache
def _is_ahead() -> Statement:
    ends = f"pg_snapshot_xmax({_SNAPSHOT.format('snapshot')}) > pg_snapshot_xmax(pg_current_snapshot())"
    return compiled(text(f"SELECT {ends}").bindparams(bindparam("snapshot", type_=Text)))


def _after(horizon: Horizon) -> Place:
    return Place(horizon, horizon, 0)
