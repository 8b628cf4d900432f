"""What people do with tasks: list them, create them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from db import interactions, tasks
from db.task_orders import keys_of
from errors import ConstraintViolated, Invalid, LinkRequired, Refusal, Refused
from resolvers.cursors import scope_of
from resolvers.pages import PageRequest, RowPage, row_page
from resolvers.task_rules import (
    LONGEST_DESCRIPTION,
    Changed,
    forbidden,
    length_problems,
    missing_record,
    subject_problems,
    unstorable,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from uuid import UUID

    from db.interactions import InteractionRow
    from db.sessions import Session
    from db.task_filters import TaskFilter
    from db.task_orders import TaskOrder
    from resolvers.viewers import Viewer

GONE = "A record that the task links to was deleted at this very moment. Reload, and try again."


@dataclass(frozen=True, slots=True)
class TaskDraft:
    """A task as somebody asks for it; the assignee is the caller when left out."""

    subject: str
    description: str | None = None
    priority: str = "medium"
    due_at: datetime | None = None
    assignee_id: UUID | None = None
    lead_id: UUID | None = None
    contact_id: UUID | None = None
    account_id: UUID | None = None


async def page_of_tasks(
    session: Session, filter_: TaskFilter, order: Sequence[TaskOrder], request: PageRequest
) -> RowPage[InteractionRow]:
    """Return a page of matching tasks in this order. Raises BadUserInput, BadCursor or LimitExceeded. 1 statement."""
    scope = scope_of("tasks", filter_, *order)
    window = request.window(keys_of(order), scope)
    page = await tasks.page(session, filter_, order, window)
    return row_page(interactions.rows_of(page), page, window, scope)


async def count_tasks(session: Session, filter_: TaskFilter) -> int:
    """Count all matching tasks. 1 statement."""
    return await tasks.count(session, filter_)


async def create_task(session: Session, viewer: Viewer, draft: TaskDraft, *, is_check_only: bool = False) -> Changed:
    """Create a task and return it as stored; with `is_check_only` nothing is written, and there is no row.

    Raises Refused with every reason found. 1 statement, 2 when refused.
    """
    draft = replace(draft, subject=draft.subject.strip())
    problems = [*forbidden(viewer), *_problems(draft)]
    if problems:
        raise Refused(*problems)
    new = tasks.NewTask(
        **{name: getattr(draft, name) for name in TaskDraft.__slots__ if name != "assignee_id"},
        assignee_id=draft.assignee_id or viewer.user_id,
    )
    is_assignee_given = draft.assignee_id is not None
    if is_check_only:
        if missing := await _missing(session, new, is_assignee_given=is_assignee_given):
            raise Refused(*missing)
        return Changed(None)
    try:
        async with session.write(viewer.user_id):
            row = await tasks.create(session, new, viewer.user_id)
    except ConstraintViolated:  # a record went away between the check and the insert, both in one statement
        row = None
    if row is None:
        missing = await _missing(session, new, is_assignee_given=is_assignee_given)
        raise Refused(*(missing or [Invalid(GONE)]))
    return Changed(row)


def _problems(draft: TaskDraft) -> list[Refusal]:
    problems = [
        *subject_problems(draft.subject),
        *length_problems("description", draft.description, LONGEST_DESCRIPTION),
        *unstorable(subject=draft.subject, description=draft.description),
    ]
    if not (draft.lead_id or draft.contact_id or draft.account_id):
        problems.append(LinkRequired("The task has no link. Give at least one of leadId, contactId and accountId."))
    return problems


async def _missing(session: Session, new: tasks.NewTask, *, is_assignee_given: bool) -> list[Refusal]:
    return [
        missing_record(
            field,
            getattr(new, field),
            None
            if field != "assignee_id" or is_assignee_given
            else "Your token names nobody of this organization, so the task needs an assigneeId. Give one.",
        )
        for field in await tasks.missing_references(session, new)
    ]
