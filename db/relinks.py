"""Tasks that move from one record to others, many at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import Uuid, and_, any_, cast, exists, func, null, or_, select, update
from sqlalchemy.dialects.postgresql import ARRAY

from db.interactions import COLUMNS, InteractionRow
from db.statements import compiled, of_tenant, uuid_argument
from db.tables import interactions, task_events
from db.task_events import LINK_LOST
from db.tasks import REFERENCES, is_there, matching_alive, signature

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

    from sqlalchemy import CTE, ColumnElement, FromClause, ScalarSelect, Select

    from db.records import RecordKind
    from db.sessions import Session
    from db.task_filters import TaskFilter


@dataclass(frozen=True, slots=True)
class Relink:
    """Link the matching tasks of a record to those in `to`, at least one; a kind that it leaves out stays as it is."""

    kind: RecordKind
    id: UUID
    to: Mapping[RecordKind, UUID]
    tasks: TaskFilter
    is_link_kept: bool = False
    """Whether the old link stays where `to` has none of its kind."""
    is_from_lost: bool = False
    """Whether the record is gone: then its tasks are those that hung on it, and have no other of its kind by now."""


@dataclass(frozen=True, slots=True)
class Moved:
    """How many tasks moved, and the first of them by id, as they are then."""

    count: int = 0
    sample: tuple[InteractionRow, ...] = ()


@dataclass(frozen=True, slots=True)
class Obstacles:
    """Why no task moves: records that aren't there, or how many tasks there are, which is too many, or none."""

    is_from_missing: bool
    is_from_lost: bool
    """Whether there were tasks of the record when it was deleted."""
    missing: list[RecordKind]
    count: int


async def move(session: Session, relink: Relink, actor_id: UUID, *, most: int, sample: int) -> Moved:
    """Move the tasks whose links would change; none when they are more than `most`, or a record isn't there.

    1 statement. Raises ConstraintViolated when a record goes away at the same moment.
    """
    # In one order, so that two moves of the same tasks don't wait for each other for ever.
    found = _first(_moving(relink, interactions.c.id), most + 1).with_for_update(key_share=True).cte("found")
    # As an array: joined, and not knowing how many they are, the planner might compare each with each.
    ids = func.array(select(found.c.id).scalar_subquery(), type_=ARRAY(Uuid))
    moved = (
        update(interactions)
        .where(of_tenant(interactions), interactions.c.id == any_(ids), _count(found) <= most)
        .values(
            **{kind.column: link for kind, link in _links(relink).items()},
            **signature(),
        )
        .returning(*COLUMNS)
        .cte("moved")
    )
    return await _moved(session, relink, _sampled(moved, sample), actor_id=actor_id)


async def plan(session: Session, relink: Relink, *, most: int, sample: int) -> Moved:
    """Return what `move` would return, but for versions, and change nothing. 1 statement."""
    links = {kind.column: link.label(kind.column) for kind, link in _links(relink).items()}
    columns = (links.get(str(column.name), column) for column in COLUMNS)
    found = _first(_moving(relink, *columns), most + 1).cte("found")
    return await _moved(session, relink, _sampled(found, sample).where(_count(found) <= most))


async def obstacles(session: Session, relink: Relink) -> Obstacles:
    """Look why nothing moves. 1 statement."""
    table = REFERENCES[relink.kind.column]
    no_record = ~exists().where(of_tenant(table), table.c.id == uuid_argument("from_id"))
    no_target = (~is_there(kind.column, _target(kind)) for kind in relink.to)
    number = select(func.count()).select_from(_changing(relink, interactions.c.id).subquery()).scalar_subquery()
    query = select(no_record, exists(_lost(relink)), number, *no_target)
    ((is_from_missing, is_from_lost, count, *missing),) = await session.rows(compiled(query), **_arguments(relink))
    absent = [kind for kind, is_missing in zip(relink.to, missing, strict=True) if is_missing]
    return Obstacles(is_from_missing, is_from_lost, absent, count)


async def _moved(session: Session, relink: Relink, query: Select[Any], **more: object) -> Moved:
    rows = await session.rows(compiled(query), **_arguments(relink), **more)
    return Moved(rows[0][-1], tuple(InteractionRow(*row[:-1]) for row in rows)) if rows else Moved()


def _arguments(relink: Relink) -> dict[str, object]:
    targets: dict[str, object] = {f"to_{kind.column}": id_ for kind, id_ in relink.to.items()}
    return targets | {"from_id": relink.id}


def _target(kind: RecordKind) -> ColumnElement[Any]:
    return uuid_argument(f"to_{kind.column}")


def _links(relink: Relink) -> dict[RecordKind, ColumnElement[Any]]:
    """Return the links that a task has afterwards; a kind that is absent stays as it is."""
    removed = {} if relink.is_link_kept else {relink.kind: cast(null(), Uuid)}
    return removed | {kind: _target(kind) for kind in relink.to}


def _changing(relink: Relink, *columns: ColumnElement[Any]) -> Select[Any]:
    """Select from the tasks whose links would change."""
    changes = (interactions.c[kind.column].is_distinct_from(link) for kind, link in _links(relink).items())
    link = interactions.c[relink.kind.column]
    is_linked = link == uuid_argument("from_id")
    if relink.is_from_lost:
        hung_on_it = func.array(_lost(relink).scalar_subquery(), type_=ARRAY(Uuid))
        is_linked = and_(link.is_(None), interactions.c.id == any_(hung_on_it))
    return select(*columns).where(*matching_alive(relink.tasks), is_linked, or_(*changes))


def _lost(relink: Relink) -> Select[tuple[UUID]]:
    """Select what hung on the record when it was deleted, by the log."""
    return select(task_events.c.interaction_id).where(
        of_tenant(task_events),
        task_events.c.type == LINK_LOST,
        task_events.c.record_kind == relink.kind.value,
        task_events.c.record_id == uuid_argument("from_id"),
    )


def _moving(relink: Relink, *columns: ColumnElement[Any]) -> Select[Any]:
    """Select from the same, and nothing where a record isn't there that they are to be linked to."""
    return _changing(relink, *columns).where(*(is_there(kind.column, _target(kind)) for kind in relink.to))


def _first(query: Select[Any], limit: int) -> Select[Any]:
    return query.order_by(interactions.c.id).limit(limit)


def _sampled(rows: CTE, limit: int) -> Select[Any]:
    """Select the first rows, each with the number of all."""
    return select(*rows.c, _count(rows)).order_by(rows.c.id).limit(limit)


def _count(rows: FromClause) -> ScalarSelect[int]:
    return select(func.count()).select_from(rows).scalar_subquery()
