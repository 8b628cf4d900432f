"""Tasks, as clients see them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from enum import Enum
from functools import partial
from typing import TYPE_CHECKING, Annotated

import strawberry
from strawberry import UNSET, lazy

from db.interactions import TASK, InteractionRow
from execution.stored import stored
from resolvers.due_buckets import DueBucket as Bucket
from resolvers.due_buckets import bucket_of, due_dates, is_overdue
from resolvers.links import is_orphan
from resolvers.live_events import resume_token
from resolvers.pages import RowPage
from resolvers.task_history import count_of_history, page_of_history
from schema.arguments import UTC_ZONE, After, Before, First, Last, Zone, page_request
from schema.context import Info
from schema.interactions import Activity, Interaction
from schema.nodes import Edge, PageInfo, page_info

if TYPE_CHECKING:
    from schema.task_events import TaskEventConnection


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


@strawberry.enum(
    description="Piles of tasks by due date, in the caller's time zone. Each task is in the first that fits."
)
class DueBucket(Enum):
    """The piles of `resolvers.due_buckets`, in users' words."""

    OVERDUE = strawberry.enum_value(Bucket.OVERDUE, description="Open, and its due date has passed.")
    TODAY = strawberry.enum_value(Bucket.TODAY, description="Open, and due later today.")
    THIS_WEEK = strawberry.enum_value(Bucket.THIS_WEEK, description="Open, and due after today, up to Sunday night.")
    LATER = strawberry.enum_value(Bucket.LATER, description="Open, and due after this week.")
    NO_DUE_DATE = strawberry.enum_value(Bucket.NO_DUE_DATE, description="Open, without a due date.")
    CLOSED = strawberry.enum_value(Bucket.CLOSED, description="Not open.")


@strawberry.type(description="Something to be done, for a lead, a contact, an account, or any of them together.")
class Task(Interaction):
    """A task."""

    status: TaskStatus = stored(
        "row.status",
        made=TaskStatus,
        description="How far it is. A stored value that is none of these reads UNKNOWN.",
    )
    priority: TaskPriority = stored(
        "row.priority",
        made=TaskPriority,
        description="How urgent it is. A stored value that is none of these reads UNKNOWN.",
    )
    due_at: datetime | None = stored("row.due_at", description="When it is due.")
    completed_at: datetime | None = stored("row.completed_at", description="When it was completed.")
    deleted_at: datetime | None = stored(
        "row.deleted_at", description="When it was deleted. Empty for a task that can be seen in lists."
    )
    version: str = stored(
        "row.version",
        description="Changes with every change by anyone. Give it back as `expectedVersion`; it means nothing else.",
    )

    @strawberry.field(description="Which pile it belongs to today. Each task is in exactly one.")
    def bucket(self, info: Info, time_zone: Zone = UTC_ZONE) -> DueBucket:
        """Compare its due date with the ends of today and of this week."""
        return DueBucket(bucket_of(self.row, due_dates(info.context.now, time_zone or UTC_ZONE)))

    @strawberry.field(description="Still open although its due date has passed.")
    def is_overdue(self, info: Info) -> bool:
        """Compare its due date with now."""
        return is_overdue(self.row, info.context.now)

    @strawberry.field(description="No linked record is left: what it was linked to has been deleted.")
    async def is_orphan(self, info: Info) -> bool:
        """Tell whether all links are lost."""
        return await is_orphan(info.context.loaders, self.row)

    @strawberry.field(description="What happened to this task, newest first.")
    async def history(
        self, info: Info, first: First = UNSET, after: After = UNSET, last: Last = UNSET, before: Before = UNSET
    ) -> Annotated[TaskEventConnection, lazy("schema.task_events")]:
        """Read the task's history."""
        from schema.task_events import task_event_connection  # noqa: PLC0415 - events show tasks

        loaders, id_ = info.context.loaders, self.row.id
        page = await page_of_history(loaders, id_, page_request(first, after, last, before))
        return task_event_connection(page, partial(count_of_history, loaders, id_))


@strawberry.type(description="One place in a page of tasks.")
class TaskEdge(Edge):
    """A task and its cursor."""

    node: Task = strawberry.field(description="The item itself.")


@strawberry.type(description="A page of tasks.")
class TaskConnection:
    """A page of tasks."""

    edges: list[TaskEdge] = strawberry.field(description="The items of this page, each with its cursor.")
    nodes: list[Task] = strawberry.field(description="The items of this page, without their cursors.")
    page_info: PageInfo = strawberry.field(description="Whether there is more, and from where.")
    count: strawberry.Private[Callable[[], Awaitable[int]]]

    @strawberry.field(description="How many there are on all pages. Counted only when asked for.")
    async def total_count(self) -> int:
        """Count."""
        return await self.count()

    @strawberry.field(
        description="Give it to `taskEvents(since:)` to miss no task event after this page was read; `timelineEvents` "
        "takes it too."
    )
    async def resume_token(self, info: Info) -> str:
        """Name the place in the stream that the page's snapshot stands for."""
        return await resume_token(info.context.loaders, info.context.viewer.organization_id)


def task(row: InteractionRow) -> Task:
    """Show a task."""
    return Task(row=row)


def interaction(row: InteractionRow) -> Interaction:
    """Show a task as a task and anything else as an activity."""
    return task(row) if row.kind == TASK else Activity(row=row)


def task_connection(page: RowPage[InteractionRow], count: Callable[[], Awaitable[int]]) -> TaskConnection:
    """Show a page of tasks; `count` counts those of all pages."""
    nodes = [task(row) for row in page.rows]
    edges = [TaskEdge(mark=mark, node=node) for mark, node in zip(page.marks, nodes, strict=True)]
    return TaskConnection(edges=edges, nodes=nodes, page_info=page_info(page), count=count)
