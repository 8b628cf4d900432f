"""Tasks: the interactions that are something to be done."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    String,
    Text,
    any_,
    bindparam,
    case,
    exists,
    func,
    insert,
    literal,
    literal_column,
    null,
    or_,
    select,
)

from db.interactions import ATTRIBUTES, COLUMNS, IS_ALIVE, TASK, InteractionRow, columns_of
from db.keyset import Page, Window, page_of
from db.nested_pages import OWNER, OwnedNumber, OwnedPage, pages_of
from db.statements import Statement, compiled, instant_argument, of_tenant, uuid_argument, uuids_argument
from db.tables import accounts, contacts, interactions, leads, users
from db.task_filters import TaskFilter, condition
from db.task_orders import TaskOrder, keys_of
from db.users import IS_ACTIVE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from uuid import UUID

    from sqlalchemy import ColumnElement, ScalarSelect

    from db.records import RecordKind
    from db.sessions import Session

REFERENCES = {"lead_id": leads, "contact_id": contacts, "account_id": accounts, "assignee_id": users}
"""The fields of a task that name a row elsewhere, and where."""

# In the text, not among the arguments: a plan that is kept for all of them can use the indexes of tasks alone.
IS_TASK = interactions.c.interaction_type == literal_column(f"'{TASK}'")


@dataclass(frozen=True, slots=True)
class NewTask:
    """What a new task is made of; at least one link is set, the assignee always."""

    subject: str
    description: str | None
    priority: str
    due_at: datetime | None
    assignee_id: UUID
    lead_id: UUID | None
    contact_id: UUID | None
    account_id: UUID | None


async def page(
    session: Session,
    tasks: TaskFilter,
    order: Sequence[TaskOrder],
    window: Window,
    *,
    attributes: tuple[str, ...] = ATTRIBUTES,
) -> Page:
    """Return a page of matching tasks in this order, equal ones by id. At most `limit` rows. 1 statement.

    Of each task these known attributes are read.

    The few tasks of a record are best sorted; to the first ones of many it is shorter by the order of all.
    """
    query, is_narrowed = select(*columns_of(attributes)).where(*matching(tasks)), tasks != TaskFilter()
    return await page_of(session, query, keys_of(order), window, is_planned_anew=is_narrowed)


async def count(session: Session, tasks: TaskFilter) -> int:
    """Count matching tasks. 1 statement."""
    return await session.number(compiled(select(func.count()).select_from(interactions).where(*matching(tasks))))


async def pages_of_records(
    session: Session,
    ids: Sequence[UUID],
    *,
    kind: RecordKind,
    tasks: TaskFilter,
    order: Sequence[TaskOrder],
    window: Window,
) -> list[OwnedPage]:
    """Return for each record its page of matching tasks; records without one are absent. 1 statement."""
    query = select(*COLUMNS).where(*matching(tasks), interactions.c[kind.column] == OWNER)
    return await pages_of(session, ids, query, keys_of(order), window)


async def counts_of_records(
    session: Session, ids: Sequence[UUID], *, kind: RecordKind, tasks: TaskFilter
) -> list[OwnedNumber]:
    """Count each record's matching tasks; records without one are absent. 1 statement."""
    link = interactions.c[kind.column]
    query = select(link, func.count()).where(*matching(tasks), link == any_(uuids_argument("ids"))).group_by(link)
    return [OwnedNumber(*row) for row in await session.rows(compiled(query), ids=ids)]


async def create(session: Session, id_: UUID, task: NewTask, actor_id: UUID) -> InteractionRow | None:
    """Insert a task; None, and nothing inserted, when a link or the assignee is not in the organization. 1 statement.

    Raises ConstraintViolated when a record goes away at the same moment.
    """
    rows = await session.rows(_create(), id=id_, **_arguments(task), actor_id=actor_id)
    return InteractionRow(*rows[0]) if rows else None


async def by_ids(session: Session, ids: Sequence[UUID]) -> list[InteractionRow]:
    """Return the tasks with these ids, in no order; ids of none, and of deleted ones, are absent. 1 statement."""
    return [InteractionRow(*row) for row in await session.rows(_by_ids(), ids=ids)]


async def missing_references(session: Session, task: NewTask) -> list[str]:
    """Name the fields of a new task whose record is not in the organization: lead_id, contact_id … 1 statement."""
    references = {name: value for name, value in _arguments(task).items() if name in REFERENCES}
    (row,) = await session.rows(_missing_references(), **references)
    return [name for name in REFERENCES if row[name]]


def every_task() -> tuple[ColumnElement[bool], ...]:
    """Return the conditions on lead_interactions that the organization's tasks meet, deleted ones among them."""
    return of_tenant(interactions), IS_TASK


def tasks_of_tenant() -> tuple[ColumnElement[bool], ...]:
    """Return the conditions on lead_interactions that the organization's tasks meet; a deleted one doesn't."""
    return *every_task(), IS_ALIVE


def matching(tasks: TaskFilter) -> tuple[ColumnElement[bool], ...]:
    """Return the conditions on lead_interactions that the organization's tasks under this filter meet."""
    return *(every_task() if tasks.is_deleted_included else tasks_of_tenant()), condition(tasks)


def matching_alive(tasks: TaskFilter) -> tuple[ColumnElement[bool], ...]:
    """Return the same conditions without deleted tasks, whether the filter includes them or not."""
    return *tasks_of_tenant(), condition(tasks)


def is_there(name: str, wanted: ColumnElement[UUID] | None = None) -> ColumnElement[bool]:
    """Hold when an id is null or that of a living row of the organization, in the table of this field of REFERENCES.

    A colleague who is inactive counts as gone. The id is the argument of the same name, unless another one is given.
    """
    table, id_ = REFERENCES[name], uuid_argument(name) if wanted is None else wanted
    found = exists().where(of_tenant(table), table.c.id == id_)
    if "deleted_at" in table.c:
        found = found.where(table.c.deleted_at.is_(None))
    if table is users:
        found = found.where(IS_ACTIVE)
    return or_(id_.is_(None), found)


def open_status(due_at: ColumnElement[datetime]) -> ColumnElement[str]:
    """Return the status of an open task that is due then: scheduled when that is ahead, pending otherwise."""
    return case((due_at > func.now(), literal("scheduled", String)), else_=literal("pending", String))


def signature() -> dict[str, ColumnElement[Any]]:
    """Return what every change of a task writes besides its own values: who made it, and when.

    Triggers of the old application read from last_modified_by who did it.
    """
    return {"last_modified_by": acting_user(), "updated_at": func.now()}


def acting_user() -> ScalarSelect[UUID]:
    """Select the acting user; null when the token's person is no user of this organization: a machine did it."""
    return select(users.c.id).where(of_tenant(users), users.c.id == uuid_argument("actor_id")).scalar_subquery()


def values_of(task: Mapping[str, ColumnElement[Any]]) -> dict[str, ColumnElement[Any]]:
    """Return the values of a new row's columns, given those of NewTask's fields."""
    return {
        "organization_id": uuid_argument("organization_id"),
        "interaction_type": literal(TASK, String),
        "subject": task["subject"],
        "description": task["description"],
        "priority": task["priority"],
        "status": open_status(task["due_at"]),
        "scheduled_at": task["due_at"],
        "completed_at": null(),
        "user_id": task["assignee_id"],
        "lead_id": task["lead_id"],
        "contact_id": task["contact_id"],
        "account_id": task["account_id"],
        "created_by": acting_user(),
    }


def _arguments(task: NewTask) -> dict[str, object]:
    return {name: getattr(task, name) for name in NewTask.__slots__}


@cache
def _by_ids() -> Statement:
    return compiled(select(*COLUMNS).where(*tasks_of_tenant(), interactions.c.id == any_(uuids_argument("ids"))))


@cache
def _create() -> Statement:
    task: dict[str, ColumnElement[Any]] = {
        "subject": bindparam("subject", type_=String),
        "description": bindparam("description", type_=Text),
        "priority": bindparam("priority", type_=String),
        "due_at": instant_argument("due_at"),
        **{name: uuid_argument(name) for name in REFERENCES},
    }
    values = {"id": uuid_argument("id"), **values_of(task)}
    row = select(*values.values()).where(*(is_there(name) for name in REFERENCES))
    return compiled(insert(interactions).from_select(list(values), row).returning(*COLUMNS))


@cache
def _missing_references() -> Statement:
    return compiled(select(*((~is_there(name)).label(name) for name in REFERENCES)))
