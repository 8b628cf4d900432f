"""How tasks are closed and opened again: one statement each, which decides and writes at once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from sqlalchemy import String, Text, any_, bindparam, case, func, not_, null, or_, true, update

from db.interactions import COLUMNS, VERSION, InteractionRow
from db.statements import Statement, compiled, uuid_argument, uuids_argument
from db.tables import interactions
from db.task_filters import CANCELLED, COMPLETED, IS_OPEN
from db.tasks import open_status, signature, tasks_of_tenant

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from uuid import UUID

    from sqlalchemy import ColumnElement

    from db.sessions import Session

# No word at all, and any word of others', is none of these.
IS_COMPLETED = interactions.c.status.is_not_distinct_from(COMPLETED)
IS_CANCELLED = interactions.c.status.is_not_distinct_from(CANCELLED)


@dataclass(frozen=True, slots=True)
class ChosenTask:
    """A task, and the version that it must have; None takes any."""

    task_id: UUID
    expected_version: str | None = None


@dataclass(frozen=True, slots=True)
class Completion:
    """How a task ended. Notes are added to its description; None keeps what is there."""

    task_id: UUID
    outcome: str | None
    notes: str | None
    expected_version: str | None


async def complete(session: Session, completion: Completion, actor_id: UUID) -> InteractionRow | None:
    """Complete a task that isn't completed yet; None when nothing matches. 1 statement."""
    values = {name: getattr(completion, name) for name in Completion.__slots__}
    rows = await session.rows(_complete(), **values, actor_id=actor_id)
    return InteractionRow(*rows[0]) if rows else None


async def complete_all(session: Session, ids: Sequence[UUID], actor_id: UUID) -> list[InteractionRow]:
    """Complete those of the tasks that aren't completed yet, and return them in no order. 1 statement."""
    return [InteractionRow(*row) for row in await session.rows(_complete_all(), ids=ids, actor_id=actor_id)]


async def reopen(session: Session, chosen: ChosenTask, actor_id: UUID) -> InteractionRow | None:
    """Open a task that isn't open; None when nothing matches. 1 statement."""
    return await change_chosen(session, _reopen(), chosen, actor_id)


async def cancel(session: Session, chosen: ChosenTask, actor_id: UUID) -> InteractionRow | None:
    """Call off a task that is neither completed nor called off; None when nothing matches. 1 statement."""
    return await change_chosen(session, _cancel(), chosen, actor_id)


async def change_chosen(
    session: Session, statement: Statement, chosen: ChosenTask, actor_id: UUID
) -> InteractionRow | None:
    """Run a statement that changes the chosen task; None when nothing matches. 1 statement."""
    rows = await session.rows(
        statement, task_id=chosen.task_id, expected_version=chosen.expected_version, actor_id=actor_id
    )
    return InteractionRow(*rows[0]) if rows else None


@cache
def _complete() -> Statement:
    outcome, notes = bindparam("outcome", type_=String), bindparam("notes", type_=Text)
    described = func.concat_ws("\n\n", func.nullif(interactions.c.description, ""), notes)
    values = {
        "status": COMPLETED,
        "completed_at": func.now(),
        "outcome": func.coalesce(outcome, interactions.c.outcome),
        "description": case((notes.is_(None), interactions.c.description), else_=described),
    }
    return _change(values, *is_chosen(), not_(IS_COMPLETED))


@cache
def _complete_all() -> Statement:
    values = {"status": COMPLETED, "completed_at": func.now()}
    return _change(values, interactions.c.id == any_(uuids_argument("ids")), not_(IS_COMPLETED))


@cache
def _reopen() -> Statement:
    values = {"status": open_status(interactions.c.scheduled_at), "completed_at": null()}
    return _change(values, *is_chosen(), IS_OPEN.is_not(true()))


@cache
def _cancel() -> Statement:
    return _change({"status": CANCELLED}, *is_chosen(), not_(IS_COMPLETED), not_(IS_CANCELLED))


def is_version_expected() -> ColumnElement[bool]:
    """Hold when the argument expected_version is null, or the version of the row."""
    expected = bindparam("expected_version", type_=Text)
    return or_(expected.is_(None), expected == VERSION)


def is_chosen() -> tuple[ColumnElement[bool], ...]:
    """Return the conditions that a row is the chosen task, and has the version that it must have."""
    return interactions.c.id == uuid_argument("task_id"), is_version_expected()


def _change(values: Mapping[str, object], *conditions: ColumnElement[bool]) -> Statement:
    change = update(interactions).where(*tasks_of_tenant(), *conditions)
    return compiled(change.values(signature() | dict(values)).returning(*COLUMNS))
