"""The GraphQL types, and how they are resolved."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from datetime import datetime
from enum import Enum
from uuid import UUID

import strawberry
from sqlalchemy import select
from strawberry.extensions import ParserCache, ValidationCache

from bench.contestants.strawberry_orm.context import Context
from bench.contestants.strawberry_orm.tables import ContactRow, InteractionRow, LeadRow, UserRow

Info = strawberry.Info[Context, None]


@strawberry.enum
class TaskStatus(Enum):
    """How far a task is."""

    PENDING = "pending"
    SCHEDULED = "scheduled"
    COMPLETED = "completed"
    CANCELLED = "cancelled"


@strawberry.enum
class TaskPriority(Enum):
    """How urgent it is."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


@strawberry.type
class User:
    """A colleague."""

    id: strawberry.ID
    display_name: str
    email: str


@strawberry.type
class Lead:
    """A lead."""

    id: strawberry.ID
    display_name: str
    company: str | None
    email: str | None
    status: str | None


@strawberry.type
class Contact:
    """A contact."""

    id: strawberry.ID
    display_name: str
    company: str | None
    email: str | None
    status: str | None


@strawberry.type
class Account:
    """An account."""

    id: strawberry.ID
    display_name: str
    status: str | None
    contact_id: strawberry.Private[UUID]

    @strawberry.field
    async def contact(self, info: Info) -> Contact | None:
        """Load who holds it."""
        return contact(await info.context.contacts.load(self.contact_id))


@strawberry.type
class Task:
    """A task."""

    row: strawberry.Private[InteractionRow]
    id: strawberry.ID
    subject: str
    description: str | None
    status: TaskStatus
    priority: TaskPriority
    due_at: datetime | None
    completed_at: datetime | None
    created_at: datetime | None
    occurs_at: datetime

    @strawberry.field
    async def lead(self, info: Info) -> Lead | None:
        """Load its lead."""
        row = await info.context.leads.load(self.row.lead_id) if self.row.lead_id else None
        return (
            None
            if row is None
            else Lead(
                id=strawberry.ID(str(row.id)),
                display_name=_name(row),
                company=row.company,
                email=row.email,
                status=row.status,
            )
        )

    @strawberry.field
    async def contact(self, info: Info) -> Contact | None:
        """Load its contact."""
        return contact(await info.context.contacts.load(self.row.contact_id) if self.row.contact_id else None)

    @strawberry.field
    async def account(self, info: Info) -> Account | None:
        """Load its account."""
        row = await info.context.accounts.load(self.row.account_id) if self.row.account_id else None
        if row is None or row.deleted_at:
            return None
        return Account(
            id=strawberry.ID(str(row.id)),
            display_name=row.account_name,
            status=row.account_status,
            contact_id=row.contact_id,
        )

    @strawberry.field
    async def assignee(self, info: Info) -> User | None:
        """Load whose it is."""
        row = await info.context.users.load(self.row.user_id)
        return None if row is None else User(id=strawberry.ID(str(row.id)), display_name=_name(row), email=row.email)


@strawberry.type
class PageInfo:
    """Where a page ends."""

    has_next_page: bool
    end_cursor: str | None


@strawberry.type
class TimelineEdge:
    """One entry."""

    node: Task


@strawberry.type
class TimelineConnection:
    """A page."""

    edges: list[TimelineEdge]
    page_info: PageInfo


@strawberry.input
class RecordRef:
    """Whose timeline."""

    account_id: strawberry.ID


@strawberry.input
class CreateTaskInput:
    """A new task; the key is taken and not kept."""

    subject: str
    contact_id: strawberry.ID
    due_at: datetime
    idempotency_key: str | None = None


@strawberry.type
class UserError:
    """Why a change was refused."""

    code: str
    message: str


@strawberry.type
class TaskPayload:
    """The task, or why there is none."""

    task: Task | None
    errors: list[UserError]


@strawberry.type
class Query:
    """What can be asked."""

    @strawberry.field
    async def task(self, info: Info, id: strawberry.ID) -> Task | None:  # noqa: A002 - GraphQL's name
        """Find a task."""
        query = select(InteractionRow).where(
            InteractionRow.organization_id == info.context.organization,
            InteractionRow.id == UUID(id),
            InteractionRow.interaction_type == "task",
            InteractionRow.deleted_at.is_(None),
        )
        async with info.context.sessions() as session:
            row = await session.scalar(query)
        return None if row is None else task(row)

    @strawberry.field
    async def timeline(self, info: Info, record: RecordRef, first: int = 50) -> TimelineConnection:
        """Read a page of an account's timeline."""
        query = select(InteractionRow).where(
            InteractionRow.organization_id == info.context.organization,
            InteractionRow.account_id == UUID(record.account_id),
            InteractionRow.deleted_at.is_(None),
        )
        query = query.order_by(InteractionRow.occurs_at.desc(), InteractionRow.id.desc()).limit(first + 1)
        async with info.context.sessions() as session:
            rows = list(await session.scalars(query))
        edges = [TimelineEdge(node=task(row)) for row in rows[:first]]
        page_info = PageInfo(has_next_page=len(rows) > first, end_cursor=_cursor(rows[:first]))
        return TimelineConnection(edges=edges, page_info=page_info)


@strawberry.type
class Mutation:
    """What can be changed."""

    @strawberry.mutation
    async def create_task(self, info: Info, input: CreateTaskInput) -> TaskPayload:  # noqa: A002 - GraphQL's name
        """Create a task of a contact."""
        if await info.context.contacts.load(UUID(input.contact_id)) is None:
            error = UserError(code="RECORD_NOT_FOUND", message="There is no such contact.")
            return TaskPayload(task=None, errors=[error])
        row = InteractionRow(
            organization_id=info.context.organization,
            interaction_type="task",
            subject=input.subject,
            status="scheduled" if input.due_at > datetime.now(input.due_at.tzinfo) else "pending",
            priority="medium",
            scheduled_at=input.due_at,
            contact_id=UUID(input.contact_id),
            user_id=info.context.person,
            created_by=info.context.person,
        )
        async with info.context.sessions() as session:
            session.add(row)
            await session.commit()
        return TaskPayload(task=task(row), errors=[])


def task(row: InteractionRow) -> Task:
    """Show a task."""
    return Task(
        row=row,
        id=strawberry.ID(str(row.id)),
        subject=row.subject or "",
        description=row.description,
        status=TaskStatus(row.status),
        priority=TaskPriority(row.priority),
        due_at=row.scheduled_at,
        completed_at=row.completed_at,
        created_at=row.created_at,
        occurs_at=row.occurs_at,
    )


def contact(row: ContactRow | None) -> Contact | None:
    """Show a contact."""
    return (
        None
        if row is None
        else Contact(
            id=strawberry.ID(str(row.id)),
            display_name=_name(row),
            company=row.company,
            email=row.email,
            status=row.status,
        )
    )


def _cursor(rows: Sequence[InteractionRow]) -> str | None:
    return base64.urlsafe_b64encode(f"{rows[-1].occurs_at} {rows[-1].id}".encode()).decode() if rows else None


def _name(row: LeadRow | ContactRow | UserRow) -> str:
    return f"{row.first_name} {row.last_name}"


SCHEMA = strawberry.Schema(query=Query, mutation=Mutation, extensions=[ParserCache, ValidationCache])
