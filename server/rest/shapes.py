"""What is answered: the shapes of all answers, with the keys that today's front end reads. OpenAPI shows them too.

A shape may gain keys, never lose one.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING
from uuid import UUID

from server.rest.values import PrintedInstant

if TYPE_CHECKING:
    from db.task_cards import CardsRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A task, with the names of what it is linked to. The stored words are answered, whatever they are."""

    id: UUID
    subject: str | None
    description: str | None
    lead_id: UUID | None
    contact_id: UUID | None
    account_id: UUID | None
    assigned_to: UUID | None
    status: str | None
    priority: str | None
    scheduled_at: PrintedInstant | None
    completed_at: PrintedInstant | None
    created_at: PrintedInstant | None
    updated_at: PrintedInstant | None
    outcome: str | None
    lead_name: str | None
    lead_owner_id: UUID | None
    contact_name: str | None
    account_name: str | None
    lead_owner_name: str | None
    assigned_to_name: str | None
    version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WholeTask(Task):
    """A task with every column that older answers have, and its assignee's name in parts."""

    organization_id: UUID
    user_id: UUID | None
    interaction_type: str
    created_by: UUID | None
    last_modified_by: UUID | None
    duration: int | None
    duration_minutes: int | None
    participants: object
    activity_metadata: object
    user_first_name: str | None
    user_last_name: str | None
    user_email: str | None


@dataclass(frozen=True, slots=True)
class Pagination:
    """Which part of the list this is; `total` counts all tasks that fit the filters."""

    limit: int
    offset: int
    total: int


@dataclass(frozen=True, slots=True)
class ListStats:
    """Numbers of all tasks of the organization, whatever the filters."""

    total: int
    pending: int
    completed: int
    overdue: int
    renewal_pending: int


@dataclass(frozen=True, slots=True)
class TaskList:
    """A part of all tasks."""

    tasks: list[Task]
    stats: ListStats
    pagination: Pagination


@dataclass(frozen=True, slots=True)
class Stats:
    """Numbers of all tasks of the organization."""

    total: int
    pending: int
    completed: int
    cancelled: int
    overdue: int
    high_priority: int
    medium_priority: int
    low_priority: int
    due_this_week: int
    due_today: int


@dataclass(frozen=True, slots=True)
class StatsAnswer:
    """The numbers."""

    stats: Stats


@dataclass(frozen=True, slots=True)
class LeadStats:
    """Numbers of all tasks of a lead, whatever the filters."""

    total: int
    pending: int
    completed: int
    overdue: int


@dataclass(frozen=True, slots=True)
class LeadTaskList:
    """A lead's tasks."""

    tasks: list[WholeTask]
    stats: LeadStats


@dataclass(frozen=True, slots=True)
class LeadsTaskList:
    """Tasks of leads; `count` is how many are here."""

    tasks: list[WholeTask]
    count: int


@dataclass(frozen=True, slots=True)
class OneTask:
    """A task."""

    task: WholeTask


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong."""

    code: str
    message: str
    field: str | None


@dataclass(frozen=True, slots=True)
class Problem:
    """A refusal (RFC 9457); `error` and `message` say the same to older clients, `code` to programs."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    error: str
    message: str
    errors: list[Fault] = field(default_factory=list)
    """What is wrong, one by one; absent when it is the request as a whole."""


@dataclass(frozen=True, slots=True)
class ChangedTask:
    """What was done, and the task as it is now."""

    message: str
    task: WholeTask


@dataclass(frozen=True, slots=True)
class Message:
    """What was done."""

    message: str


@dataclass(frozen=True, slots=True)
class CompletedTasks:
    """How many tasks were completed now."""

    message: str
    completedCount: int  # noqa: N815 the older API's name


def list_stats(cards: CardsRow) -> ListStats:
    """Show the numbers above the list."""
    return ListStats(**_numbers(ListStats, cards))


def stats(cards: CardsRow) -> Stats:
    """Show the numbers."""
    return Stats(**_numbers(Stats, cards))


def lead_stats(cards: CardsRow) -> LeadStats:
    """Show the numbers of a lead."""
    return LeadStats(**_numbers(LeadStats, cards))


def _numbers(shape: type[ListStats | Stats | LeadStats], cards: CardsRow) -> dict[str, int]:
    return {each.name: getattr(cards, each.name) for each in fields(shape)}
