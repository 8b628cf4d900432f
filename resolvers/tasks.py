"""What people do with tasks: list them, create them, complete them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from db import interactions, tasks
from db.task_orders import keys_of
from errors import ConstraintViolated, Forbidden, Invalid, LinkRequired, RecordNotFound, Refusal, Refused, StaleVersion
from resolvers.cursors import scope_of
from resolvers.pages import PageRequest, RowPage, row_page

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from uuid import UUID

    from db.interactions import InteractionRow
    from db.sessions import Session
    from db.task_filters import TaskFilter
    from db.task_orders import TaskOrder
    from resolvers.viewers import Viewer

LONGEST_SUBJECT = 255  # characters; the column's length
LONGEST_OUTCOME = 100  # characters; the column's length
LONGEST_DESCRIPTION = 100_000


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


async def create_task(session: Session, viewer: Viewer, draft: TaskDraft) -> InteractionRow:
    """Create a task and return it as stored. Raises Refused with every reason found. 1 statement, 2 when refused."""
    draft = replace(draft, subject=draft.subject.strip())
    problems = [*_forbidden(viewer), *_problems(draft)]
    if problems:
        raise Refused(*problems)
    new = tasks.NewTask(
        **{name: getattr(draft, name) for name in TaskDraft.__slots__ if name != "assignee_id"},
        assignee_id=draft.assignee_id or viewer.user_id,
    )
    try:
        async with session.write(viewer.user_id):
            row = await tasks.create(session, new, viewer.user_id)
    except ConstraintViolated:  # a record went away between the check and the insert, both in one statement
        row = None
    if row is None:
        raise Refused(*await _missing(session, new, is_assignee_given=draft.assignee_id is not None))
    return row


async def complete_task(session: Session, viewer: Viewer, completion: tasks.Completion) -> tuple[InteractionRow, bool]:
    """Complete a task, once; return it as stored, and whether that had been done before.

    Raises Refused. 1 statement, 2 when nothing was changed.
    """
    problems = [*_forbidden(viewer), *_completion_problems(completion)]
    if problems:
        raise Refused(*problems)
    async with session.write(viewer.user_id):
        row = await tasks.complete(session, completion, viewer.user_id)
        if row:
            return row, False
        found = await interactions.by_ids(session, [completion.task_id])
    if not found or found[0].kind != interactions.TASK:
        id_ = str(completion.task_id)
        raise Refused(RecordNotFound(f"There is no task {id_} in your organization. Choose another one.", "id", id_))
    if found[0].status != tasks.COMPLETED:
        raise Refused(
            StaleVersion("The task was changed in the meantime. Look at it as it is now.", "expected_version", found[0])
        )
    return found[0], True


def _completion_problems(completion: tasks.Completion) -> list[Refusal]:
    outcome, notes = completion.outcome or "", completion.notes or ""
    problems: list[Refusal] = []
    if len(outcome) > LONGEST_OUTCOME:
        problems.append(
            Invalid(f"The outcome has {len(outcome)} characters. Shorten it to {LONGEST_OUTCOME}.", "outcome")
        )
    if len(notes) > LONGEST_DESCRIPTION:
        problems.append(Invalid(f"The notes are longer than {LONGEST_DESCRIPTION} characters. Shorten them.", "notes"))
    return [*problems, *_unstorable(outcome=outcome, notes=notes)]


def _unstorable(**texts: str | None) -> list[Refusal]:
    return [
        Invalid(f"The {name} holds a NUL character, which can't be stored. Remove it.", name)
        for name, text in texts.items()
        if "\0" in (text or "")
    ]


def _forbidden(viewer: Viewer) -> list[Refusal]:
    if viewer.may_write:
        return []
    return [Forbidden("Your role VIEWER may look, and change nothing. Ask an administrator for the role USER.")]


def _problems(draft: TaskDraft) -> list[Refusal]:
    problems: list[Refusal] = []
    if not draft.subject:
        problems.append(Invalid(f"The subject is empty. Give 1 to {LONGEST_SUBJECT} characters.", "subject"))
    if len(draft.subject) > LONGEST_SUBJECT:
        problems.append(
            Invalid(f"The subject has {len(draft.subject)} characters. Shorten it to {LONGEST_SUBJECT}.", "subject")
        )
    if len(draft.description or "") > LONGEST_DESCRIPTION:
        problems.append(Invalid(f"The description is longer than {LONGEST_DESCRIPTION} characters.", "description"))
    problems += _unstorable(subject=draft.subject, description=draft.description)
    if not (draft.lead_id or draft.contact_id or draft.account_id):
        problems.append(LinkRequired("The task has no link. Give at least one of leadId, contactId and accountId."))
    return problems


async def _missing(session: Session, new: tasks.NewTask, *, is_assignee_given: bool) -> list[Refusal]:
    names = {"lead_id": "lead", "contact_id": "contact", "account_id": "account", "assignee_id": "colleague"}
    missing = await tasks.missing_references(session, new)
    if not missing:
        return [Invalid("A record that the task links to was deleted at this very moment. Reload, and try again.")]
    return [
        RecordNotFound(
            f"There is no {names[field]} {getattr(new, field)} in your organization. Choose another one."
            if field != "assignee_id" or is_assignee_given
            else "Your token names nobody of this organization, so the task needs an assigneeId. Give one.",
            field,
            str(getattr(new, field)),
        )
        for field in missing
    ]
