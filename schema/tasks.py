"""Tasks, as clients see them."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import Enum

import strawberry

from db.interactions import TASK, InteractionRow
from db.task_filters import TaskFilter as Filter
from resolvers import tasks as use_cases
from resolvers.links import is_orphan
from resolvers.pages import RowPage
from schema.context import Info
from schema.interactions import Activity, Interaction
from schema.nodes import PageInfo, page_info


@strawberry.enum(description="How far a task is. SCHEDULED and PENDING are open.")
class TaskStatus(Enum):
    """The stored words for statuses; any other word, and none, is UNKNOWN."""

    PENDING = strawberry.enum_value("pending", description="Open; it had no due date ahead when it was last planned.")
    SCHEDULED = strawberry.enum_value("scheduled", description="Open; planned for a later date.")
    COMPLETED = strawberry.enum_value("completed", description="Done.")
    CANCELLED = strawberry.enum_value("cancelled", description="Called off.")
    UNKNOWN = strawberry.enum_value(
        "unknown", description="The stored value is none of these. Can be asked for in a filter, never set."
    )

    @classmethod
    def _missing_(cls, _: object) -> TaskStatus:
        return cls.UNKNOWN


@strawberry.enum(description="How urgent a task is.")
class TaskPriority(Enum):
    """The stored words for priorities; any other word, and none, is UNKNOWN."""

    LOW = strawberry.enum_value("low", description="When there is time.")
    MEDIUM = strawberry.enum_value("medium", description="The usual.")
    HIGH = strawberry.enum_value("high", description="Soon.")
    UNKNOWN = strawberry.enum_value(
        "unknown", description="The stored value is none of these. Can be asked for in a filter, never set."
    )

    @classmethod
    def _missing_(cls, _: object) -> TaskPriority:
        return cls.UNKNOWN


OPEN = (TaskStatus.SCHEDULED, TaskStatus.PENDING)


@strawberry.type(description="Something to be done, for a lead, a contact, an account, or any of them together.")
class Task(Interaction):
    """A task."""

    status: TaskStatus = strawberry.field(
        description="How far it is. A stored value that is none of these reads UNKNOWN."
    )
    priority: TaskPriority = strawberry.field(
        description="How urgent it is. A stored value that is none of these reads UNKNOWN."
    )
    due_at: datetime | None = strawberry.field(description="When it is due.")
    completed_at: datetime | None = strawberry.field(description="When it was completed.")
    is_overdue: bool = strawberry.field(description="Still open although its due date has passed.")
    version: str = strawberry.field(
        description="Changes with every change by anyone. Give it back as `expectedVersion`; it means nothing else."
    )

    @strawberry.field(description="No linked record is left: what it was linked to has been deleted.")
    async def is_orphan(self, info: Info) -> bool:
        """Tell whether all links are lost."""
        return await is_orphan(info.context.loaders, self.row)


@strawberry.type(description="One place in a page of tasks.")
class TaskEdge:
    """A task and its cursor."""

    cursor: str = strawberry.field(description="Marks this place; give it as `after` or `before`.")
    node: Task = strawberry.field(description="The item itself.")


@strawberry.type(description="A page of tasks.")
class TaskConnection:
    """A page of tasks."""

    edges: list[TaskEdge] = strawberry.field(description="The items of this page, each with its cursor.")
    nodes: list[Task] = strawberry.field(description="The items of this page, without their cursors.")
    page_info: PageInfo = strawberry.field(description="Whether there is more, and from where.")
    asked_filter: strawberry.Private[Filter]

    @strawberry.field(description="How many there are on all pages. Counted only when asked for.")
    async def total_count(self, info: Info) -> int:
        """Count."""
        return await use_cases.count_tasks(info.context.session, self.asked_filter)


def task(row: InteractionRow) -> Task:
    """Show a task."""
    status = TaskStatus(row.status)
    return Task.of(
        row,
        status=status,
        priority=TaskPriority(row.priority),
        due_at=row.due_at,
        completed_at=row.completed_at,
        is_overdue=status in OPEN and row.due_at is not None and row.due_at < datetime.now(UTC),
        version=row.version,
    )


def interaction(row: InteractionRow) -> Interaction:
    """Show a task as a task and anything else as an activity."""
    return task(row) if row.kind == TASK else Activity.of(row)


def task_connection(page: RowPage[InteractionRow], asked_filter: Filter) -> TaskConnection:
    """Show a page of tasks."""
    nodes = [task(row) for row in page.rows]
    edges = [TaskEdge(cursor=cursor, node=node) for cursor, node in zip(page.cursors, nodes, strict=True)]
    return TaskConnection(edges=edges, nodes=nodes, page_info=page_info(page), asked_filter=asked_filter)
