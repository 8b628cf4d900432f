"""Counts of tasks, as clients see them."""

from __future__ import annotations

import strawberry

from db.task_stats import Due
from resolvers import task_stats as use_cases
from resolvers.task_stats import OrganizationTasks, RecordTasks, TaskCounts
from schema.context import Info
from schema.links import RecordKind
from schema.tasks import Task, TaskPriority, TaskStatus, task


@strawberry.type(description="How many tasks have a status.")
class StatusCount:
    """How many tasks have a status."""

    status: TaskStatus = strawberry.field(description="The status.")
    count: int = strawberry.field(description="How many tasks have it.")


@strawberry.type(description="How many tasks have a priority.")
class PriorityCount:
    """How many tasks have a priority."""

    priority: TaskPriority = strawberry.field(description="The priority.")
    count: int = strawberry.field(description="How many tasks have it.")


@strawberry.type(description="How many tasks are linked to exactly these kinds of record.")
class LinkCombinationCount:
    """How many tasks are linked to exactly these kinds of record."""

    kinds: list[RecordKind] = strawberry.field(description="The kinds; an empty list means no link at all.")
    count: int = strawberry.field(description="How many tasks have exactly these links.")


@strawberry.type(description="Counts of tasks. Deleted tasks are never counted.")
class TaskStats:
    """Counts of tasks, all made together when the first of them is asked for."""

    whose: strawberry.Private[OrganizationTasks | RecordTasks]
    due: strawberry.Private[Due]

    @strawberry.field(description="All tasks.")
    async def total(self, info: Info) -> int:
        """Count."""
        return (await self._counts(info)).total

    @strawberry.field(description="Open tasks.")
    async def open(self, info: Info) -> int:
        """Count."""
        return (await self._counts(info)).open

    @strawberry.field(description="Open tasks whose due date has passed.")
    async def overdue(self, info: Info) -> int:
        """Count."""
        return (await self._counts(info)).overdue

    @strawberry.field(description="Open tasks due today, those already overdue included.")
    async def due_today(self, info: Info) -> int:
        """Count."""
        return (await self._counts(info)).due_today

    @strawberry.field(description="Completed tasks.")
    async def completed(self, info: Info) -> int:
        """Count."""
        return (await self._counts(info)).by_status[str(TaskStatus.COMPLETED.value)]

    @strawberry.field(description="Counts by status, in the order of TaskStatus; every status once.")
    async def by_status(self, info: Info) -> list[StatusCount]:
        """Count."""
        found = (await self._counts(info)).by_status
        return [StatusCount(status=status, count=found[str(status.value)]) for status in TaskStatus]

    @strawberry.field(description="Counts by priority, in the order of TaskPriority; every priority once.")
    async def by_priority(self, info: Info) -> list[PriorityCount]:
        """Count."""
        found = (await self._counts(info)).by_priority
        return [PriorityCount(priority=priority, count=found[str(priority.value)]) for priority in TaskPriority]

    @strawberry.field(description="Counts by what is linked: all eight combinations, none included.")
    async def by_links(self, info: Info) -> list[LinkCombinationCount]:
        """Count."""
        found = (await self._counts(info)).by_kinds
        return [
            LinkCombinationCount(kinds=[RecordKind(kind) for kind in kinds], count=number)
            for kinds, number in found.items()
        ]

    @strawberry.field(description="The open task that is due next, overdue ones first.")
    async def next(self, info: Info) -> Task | None:
        """Look for it."""
        row = await use_cases.next_task(info.context.session, info.context.loaders, self.whose)
        return task(row) if row else None

    async def _counts(self, info: Info) -> TaskCounts:
        return await use_cases.count_tasks(info.context.loaders, self.whose, self.due)
