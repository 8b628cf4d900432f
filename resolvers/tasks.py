"""What people do with tasks: list them, create them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

from db import interactions, tasks
from db.task_orders import keys_of
from errors import ConstraintViolated, Invalid, LinkRequired, Refusal, Refused
from resolvers.cursors import scope_of
from resolvers.idempotency import key_problems, task_once
from resolvers.links import LinkedPair
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

    from db.interactions import InteractionRow
    from db.sessions import Session
    from db.task_filters import TaskFilter
    from db.task_orders import TaskOrder
    from resolvers.idempotency import Intention
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
    session: Session,
    filter_: TaskFilter,
    order: Sequence[TaskOrder],
    request: PageRequest,
    *,
    asked: frozenset[str] | None = None,
) -> RowPage[InteractionRow]:
    """Return a page of matching tasks in this order, of which these attributes will be shown. 1 statement.

    Raises BadUserInput, BadCursor or LimitExceeded.
    """
    scope = scope_of("tasks", filter_, *order)
    window = request.window(keys_of(order), scope)
    attributes = interactions.known_attributes(asked)
    page = await tasks.page(session, filter_, order, window, attributes=attributes)
    return row_page(interactions.rows_of(page, attributes), page, window, scope)


async def count_tasks(session: Session, filter_: TaskFilter) -> int:
    """Count all matching tasks. 1 statement."""
    return await tasks.count(session, filter_)


async def create_task(
    session: Session,
    viewer: Viewer,
    draft: TaskDraft,
    *,
    is_check_only: bool = False,
    intention: Intention | None = None,
) -> Changed:
    """Create a task and return it as stored; with `is_check_only` nothing is written, and there is no row.

    Raises Refused with every reason found. 1 statement, 2 when refused; with a key 1 more, and 3 for its repeat.
    """
    draft = trimmed(draft)
    problems = [*forbidden(viewer), *draft_problems(draft), *key_problems(intention)]
    if problems:
        raise Refused(*problems)
    id_, new = uuid4(), new_task(draft, viewer)
    if is_check_only:
        if missing := missing_records(draft, new, await tasks.missing_references(session, new)):
            raise Refused(*missing)
        return Changed(None, checked=LinkedPair(new.contact_id, new.account_id))

    async def create() -> Changed:
        row = await tasks.create(session, id_, new, viewer.user_id)
        if row is None:
            raise Refused(*not_stored(draft, new, await tasks.missing_references(session, new)))
        return Changed(row)

    try:
        return await task_once(session, viewer, intention, id_, create)
    except ConstraintViolated:  # a record went away between the check and the insert, both in one statement
        missing_now = await tasks.missing_references(session, new)
    raise Refused(*not_stored(draft, new, missing_now))


def trimmed(draft: TaskDraft) -> TaskDraft:
    """Return the draft with its subject as it is stored."""
    return replace(draft, subject=draft.subject.strip())


def new_task(draft: TaskDraft, viewer: Viewer) -> tasks.NewTask:
    """Return what is to be stored; where nobody is named, the task is the caller's."""
    given = {name: getattr(draft, name) for name in TaskDraft.__slots__}
    return tasks.NewTask(**given | {"assignee_id": draft.assignee_id or viewer.user_id})


def draft_problems(draft: TaskDraft) -> list[Refusal]:
    """Refuse what the draft itself has wrong."""
    problems = [
        *subject_problems(draft.subject),
        *length_problems("description", draft.description, LONGEST_DESCRIPTION),
        *unstorable(subject=draft.subject, description=draft.description),
    ]
    if not (draft.lead_id or draft.contact_id or draft.account_id):
        problems.append(LinkRequired("The task has no link. Give at least one of leadId, contactId and accountId."))
    return problems


def missing_records(draft: TaskDraft, new: tasks.NewTask, fields: Sequence[str]) -> list[Refusal]:
    """Refuse the fields whose record isn't there."""
    nobody = "Your token names no active colleague of this organization, so the task needs an assigneeId. Give one."
    return [
        missing_record(field, getattr(new, field), None if field != "assignee_id" or draft.assignee_id else nobody)
        for field in fields
    ]


def not_stored(draft: TaskDraft, new: tasks.NewTask, fields: Sequence[str]) -> list[Refusal]:
    """Refuse a task that the database didn't take: without such a field, its record has come back or has just gone."""
    return missing_records(draft, new, fields) or [Invalid(GONE)]
