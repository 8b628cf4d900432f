"""Task events, as clients see them: what happened to a task, and pages of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import strawberry

from db.event_places import Place
from db.task_events import TaskEventRow
from resolvers.pages import RowPage
from schema.context import Info
from schema.events import Event, TaskEventType
from schema.nodes import Edge, PageInfo, page_info
from schema.tasks import Task, task


@strawberry.type(description="Something that happened to a task.")
class TaskEvent(Event):
    """Something that happened to a task."""

    task_id: strawberry.ID = strawberry.field(description="The task's identifier.")

    @strawberry.field(description="The task as it is now. Empty when it is gone.")
    async def task(self, info: Info) -> Task | None:
        """Load the task."""
        found = await info.context.loaders.interactions_by_id.load(self.row.task_id)
        return task(found) if found else None

    matches_filter: bool = strawberry.field(
        description="False when the task has just left the view that you subscribed to."
    )


@strawberry.type(description="One place in a page of a task’s history.")
class TaskEventEdge(Edge):
    """An event and its cursor."""

    node: TaskEvent = strawberry.field(description="The item itself.")


@strawberry.type(description="A page of a task’s history.")
class TaskEventConnection:
    """A page of a task's history."""

    edges: list[TaskEventEdge] = strawberry.field(description="The items of this page, each with its cursor.")
    page_info: PageInfo = strawberry.field(description="Whether there is more, and from where.")
    count: strawberry.Private[Callable[[], Awaitable[int]]]

    @strawberry.field(description="How many there are on all pages. Counted only when asked for.")
    async def total_count(self) -> int:
        """Count."""
        return await self.count()


def task_event_connection(page: RowPage[TaskEventRow], count: Callable[[], Awaitable[int]]) -> TaskEventConnection:
    """Show a page of a task's history; `count` counts all of it."""
    edges = [TaskEventEdge(mark=mark, node=task_event(row)) for mark, row in zip(page.marks, page.rows, strict=True)]
    return TaskEventConnection(edges=edges, page_info=page_info(page), count=count)


def task_event(row: TaskEventRow, *, told_at: Place | None = None, matches_filter: bool = True) -> TaskEvent:
    """Show an event of a task."""
    return TaskEvent(
        row=row,
        told_at=told_at,
        type=TaskEventType(row.type),
        at=row.at,
        task_id=strawberry.ID(str(row.task_id)),
        matches_filter=matches_filter,
        client_mutation_id=row.client_mutation_id,
    )
