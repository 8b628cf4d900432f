"""Changes of a task's fields: a statement that decides and writes at once, and one that tells what stood against it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from sqlalchemy import Boolean, and_, bindparam, case, exists, func, not_, or_, select, update

from db.interactions import COLUMNS, InteractionRow
from db.records import RecordKind
from db.statements import Statement, compiled, instant_argument, of_tenant, uuid_argument
from db.tables import accounts, interactions
from db.task_filters import IS_OPEN
from db.task_states import is_chosen
from db.tasks import REFERENCES, every_task, is_there, open_status, signature, tasks_of_tenant

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from sqlalchemy import BindParameter, ColumnElement

    from db.sessions import Session


@dataclass(frozen=True, slots=True)
class TaskChange:
    """Changes of a task: each field named in `given` gets its value here, None clears it; all others stay."""

    task_id: UUID
    given: frozenset[str]
    subject: str | None = None
    description: str | None = None
    outcome: str | None = None
    priority: str | None = None
    due_at: datetime | None = None
    assignee_id: UUID | None = None
    lead_id: UUID | None = None
    contact_id: UUID | None = None
    account_id: UUID | None = None
    expected_version: str | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """A task as it is, and what stands against a change of it."""

    row: InteractionRow
    missing: tuple[str, ...]
    """The changed fields whose new record is not in the organization: lead_id, assignee_id …"""
    is_link_left: bool
    """Whether the task would hang on a living record afterwards, or its links don't change."""
    is_different: bool
    """Whether any field would change."""


async def apply(session: Session, change: TaskChange, actor_id: UUID) -> InteractionRow | None:
    """Change a task; None, and nothing written, when anything stands against it or nothing would differ. 1 statement.

    Raises ConstraintViolated when a record goes away at the same moment.
    """
    rows = await session.rows(_update(), **_arguments(change), actor_id=actor_id)
    return InteractionRow(*rows[0]) if rows else None


async def verdict(session: Session, change: TaskChange) -> Verdict | None:
    """Tell what stands against a change; its version is not looked at. None when there is no such task. 1 statement.

    Of a deleted task it tells the same, and its row says so.
    """
    rows = await session.rows(_verdict(), **_arguments(change))
    if not rows:
        return None
    values = tuple(rows[0])
    width = len(COLUMNS)
    *missing, is_link_left, is_different = values[width:]
    return Verdict(
        row=InteractionRow(*values[:width]),
        missing=tuple(name for name, is_missing in zip(REFERENCES, missing, strict=True) if is_missing),
        is_link_left=is_link_left,
        is_different=is_different,
    )


# The fields that can change, and their columns.
_FIELDS = {
    "subject": interactions.c.subject,
    "description": interactions.c.description,
    "outcome": interactions.c.outcome,
    "priority": interactions.c.priority,
    "due_at": interactions.c.scheduled_at,
    "assignee_id": interactions.c.user_id,
    "lead_id": interactions.c.lead_id,
    "contact_id": interactions.c.contact_id,
    "account_id": interactions.c.account_id,
}
_LINKS = tuple(kind.column for kind in RecordKind)


def _arguments(change: TaskChange) -> dict[str, object]:
    values = {name: getattr(change, name) for name in TaskChange.__slots__}
    return values | {_flag(name): name in change.given for name in _FIELDS}


def _flag(name: str) -> str:
    """Name the argument that tells whether a field is given."""
    return f"is_{name}_given"


def _value(name: str) -> BindParameter[object]:
    """Name the argument that holds a field's new value."""
    return bindparam(name, type_=_FIELDS[name].type)


def _differs(name: str) -> ColumnElement[bool]:
    """Hold when a field is given, and the row has another value there."""
    stored: ColumnElement[object] = _FIELDS[name]
    if name == "description":
        stored = func.nullif(stored, "")  # the old application stores an empty text for none
    return and_(bindparam(_flag(name), type_=Boolean), stored.is_distinct_from(_value(name)))


def _new(name: str) -> ColumnElement[object]:
    """Return what the row holds there afterwards."""
    return case((_differs(name), _value(name)), else_=_FIELDS[name])


def _is_missing(name: str) -> ColumnElement[bool]:
    """Hold when a changed field names no living record of the organization. What stays isn't asked."""
    return and_(_differs(name), not_(is_there(name)))


def _is_link_left() -> ColumnElement[bool]:
    account = exists().where(of_tenant(accounts), accounts.c.id == _new("account_id"), accounts.c.deleted_at.is_(None))
    return or_(
        not_(or_(*(_differs(name) for name in _LINKS))),
        _new("lead_id").is_not(None),
        _new("contact_id").is_not(None),
        account.correlate(interactions),
    )


def _is_different() -> ColumnElement[bool]:
    return or_(*(_differs(name) for name in _FIELDS))


@cache
def _update() -> Statement:
    columns = interactions.c
    status = case((and_(_differs("due_at"), IS_OPEN), open_status(instant_argument("due_at"))), else_=columns.status)
    change = update(interactions).where(
        *tasks_of_tenant(),
        *is_chosen(),
        _is_different(),
        _is_link_left(),
        *(not_(_is_missing(name)) for name in REFERENCES),
    )
    values = {column.name: _new(name) for name, column in _FIELDS.items()}
    return compiled(change.values(values | {"status": status} | signature()).returning(*COLUMNS))


@cache
def _verdict() -> Statement:
    missing = (_is_missing(name).label(f"missing_{name}") for name in REFERENCES)
    query = select(*COLUMNS, *missing, _is_link_left().label("is_link_left"), _is_different().label("is_different"))
    return compiled(query.where(*every_task(), interactions.c.id == uuid_argument("task_id")))
