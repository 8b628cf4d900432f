"""Counts of tasks: all that are asked for together, and for however many records, in one statement."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from sqlalchemy import String, and_, exists, func, literal, literal_column, select, true, union_all
from sqlalchemy import Uuid as UuidType
from sqlalchemy.dialects.postgresql import ARRAY, distinct_on

from db.filters import UNKNOWN
from db.interactions import COLUMNS, InteractionRow
from db.related_records import asked_records, found_first, related_records
from db.statements import Statement, compiled, instant_argument, of_tenant, uuid_argument
from db.tables import accounts, interactions
from db.task_filters import IS_OPEN, KNOWN_PRIORITIES, KNOWN_STATUSES, TaskFilter, is_due_before
from db.tasks import matching, matching_alive

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from uuid import UUID

    from sqlalchemy import ColumnElement, FromClause, Label, Select

    from db.records import RecordKind
    from db.sessions import Session


@dataclass(frozen=True, slots=True)
class Due:
    """Now, and the end of today where the reader is."""

    now: datetime
    today_ends_at: datetime


@dataclass(frozen=True, slots=True)
class AlikeTasks:
    """How many tasks of an owner are alike; status and priority are known words or UNKNOWN."""

    owner_id: UUID
    status: str
    priority: str
    has_lead: bool
    has_contact: bool
    has_account: bool
    is_overdue: bool
    is_due_today: bool
    """True for overdue tasks as well."""
    number: int


@dataclass(frozen=True, slots=True)
class NextTask:
    """The open task of a record that is due first."""

    owner_id: UUID
    row: InteractionRow


STATUSES = (UNKNOWN, *KNOWN_STATUSES)
PRIORITIES = (UNKNOWN, *KNOWN_PRIORITIES)

# A lead or contact takes its links with it when it goes; an account that is only marked as deleted leaves them.
LIVING = accounts.alias("living")


async def of_organization(session: Session, tasks: TaskFilter, due: Due) -> list[AlikeTasks]:
    """Count the organization's matching tasks, never deleted ones; the organization owns them. 1 statement."""
    joined = interactions.outerjoin(LIVING, _is_living(interactions.c.account_id))
    has_account = LIVING.c.id.is_not(None).label("has_account")
    counted = _classified(uuid_argument("organization_id"), joined, has_account).where(*matching_alive(tasks))
    rows = await session.rows(compiled(_grouped(counted)), now=due.now, today_ends_at=due.today_ends_at)
    return [_alike(*row) for row in rows]


async def of_records(
    session: Session, ids: Sequence[UUID], *, kind: RecordKind, is_with_related: bool, due: Due
) -> list[AlikeTasks]:
    """Count the tasks of each record, each once, perhaps with those of its related records. 1 statement."""
    statement = _of_records(kind, is_with_related=is_with_related)
    rows = await session.rows(statement, ids=ids, now=due.now, today_ends_at=due.today_ends_at)
    return [_alike(*row) for row in rows]


async def next_of_records(
    session: Session, ids: Sequence[UUID], *, kind: RecordKind, is_with_related: bool
) -> list[NextTask]:
    """Return of each record the open task that is due first; records without one are absent. 1 statement."""
    rows = await session.rows(_next_of_records(kind, is_with_related=is_with_related), ids=ids)
    return [NextTask(row[-1], InteractionRow(*row[: len(COLUMNS)])) for row in rows]


@cache
def _of_records(kind: RecordKind, *, is_with_related: bool) -> Statement:
    parts = []
    for linked, records in _owned(kind, is_with_related=is_with_related):
        tasks = records.join(interactions, interactions.c[linked.column] == records.c.id)
        classified = _classified(records.c.record_id, tasks, interactions.c.account_id.label("account_id"))
        # A task that is linked in several ways is found in several ways, and counts once.
        is_first = found_first(kind, linked, records.c.record_id)
        parts.append(classified.where(*matching(TaskFilter()), *is_first))
    # Whether an account lives is asked once for all alike tasks, not for each.
    alike = _grouped(union_all(*parts)).subquery("alike")
    has_account = exists().where(_is_living(alike.c.account_id)).label("has_account")
    return compiled(select(*(has_account if column.name == "account_id" else column for column in alike.c)))


@cache
def _next_of_records(kind: RecordKind, *, is_with_related: bool) -> Statement:
    is_open = (IS_OPEN, interactions.c.scheduled_at.is_not(None))
    parts = []
    for linked, records in _owned(kind, is_with_related=is_with_related):
        own = interactions.c[linked.column] == literal_column("records.id", UuidType)
        first = select(*COLUMNS).where(*matching(TaskFilter()), own, *is_open)
        first = first.order_by(interactions.c.scheduled_at, interactions.c.id).limit(literal_column("1"))
        task = first.lateral("task")
        parts.append(select(*task.c, records.c.record_id).select_from(records.join(task, true())))
    found = union_all(*parts).subquery("found")
    firsts = select(*found.c).order_by(found.c.record_id, found.c.scheduled_at, found.c.id)
    return compiled(firsts.ext(distinct_on(found.c.record_id)))


def _owned(kind: RecordKind, *, is_with_related: bool) -> list[tuple[RecordKind, FromClause]]:
    """Return what the asked records' tasks hang on, by kind, themselves first: `record_id` is asked, `id` linked."""
    asked = asked_records()
    parts: list[tuple[RecordKind, Select[Any]]] = [(kind, select(asked.c.id.label("record_id"), asked.c.id))]
    if is_with_related:
        parts += related_records(kind, asked).items()
    return [(linked, part.subquery("records")) for linked, part in parts]


def _is_living(account_id: ColumnElement[UUID]) -> ColumnElement[bool]:
    """Match the living account of this id."""
    return and_(of_tenant(LIVING), LIVING.c.id == account_id, LIVING.c.deleted_at.is_(None))


def _classified(owner: ColumnElement[UUID], tasks: FromClause, account: ColumnElement[Any]) -> Select[tuple[Any, ...]]:
    """Select of each task its owner, and what it counts as, its account among that."""
    columns = interactions.c
    return select(
        owner.label("owner_id"),
        _known(columns.status, KNOWN_STATUSES),
        _known(columns.priority, KNOWN_PRIORITIES),
        columns.lead_id.is_not(None).label("has_lead"),
        columns.contact_id.is_not(None).label("has_contact"),
        account,
        # Null where there is no due date.
        func.coalesce(is_due_before(instant_argument("now")), False).label("is_overdue"),
        func.coalesce(is_due_before(instant_argument("today_ends_at")), False).label("is_today"),
    ).select_from(tasks)


def _grouped(classified: Any) -> Select[tuple[Any, ...]]:
    found = classified.subquery("counted")
    return select(*found.c, func.count().label("number")).group_by(*found.c)


def _alike(owner_id: UUID, status: int, priority: int, *others: Any) -> AlikeTasks:
    return AlikeTasks(owner_id, STATUSES[status], PRIORITIES[priority], *others)


def _known(column: ColumnElement[str], known: Sequence[str]) -> Label[int]:
    """Give the known words numbers from 1, and all others 0: numbers are sorted several times as fast as words."""
    return func.coalesce(func.array_position(literal(list(known), ARRAY(String)), column), 0).label(column.name)
