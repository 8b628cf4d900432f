"""Everything that can be changed: a table of contents."""

from __future__ import annotations

from typing import Annotated

import strawberry
from strawberry import argument as described

from resolvers import task_changes, task_states, tasks
from schema.context import Info
from schema.scalars import to_uuids
from schema.task_inputs import CompleteTaskInput, CreateTaskInput, TaskIdInput, UpdateTaskInput
from schema.task_payloads import TaskPayload, TasksPayload, task_payload, tasks_payload


@strawberry.type(description="Everything that can be changed.")
class Mutation:
    """The root of all mutations."""

    @strawberry.mutation(description="Create a task for a lead, a contact, an account, or any of them together.")
    async def create_task(
        self, info: Info, input: Annotated[CreateTaskInput, described(description="The task to create.")]
    ) -> TaskPayload:
        """Create a task."""
        session, viewer, is_check_only = info.context.session, info.context.viewer, bool(input.validate_only)
        change = tasks.create_task(session, viewer, input.draft(), is_check_only=is_check_only)
        return await task_payload(change, input.client_mutation_id)

    @strawberry.mutation(description="Change a task.")
    async def update_task(
        self, info: Info, input: Annotated[UpdateTaskInput, described(description="The changes.")]
    ) -> TaskPayload:
        """Change a task."""
        session, viewer, is_check_only = info.context.session, info.context.viewer, bool(input.validate_only)
        change = task_changes.update_task(session, viewer, input.change(), is_check_only=is_check_only)
        return await task_payload(change, input.client_mutation_id)

    @strawberry.mutation(description="Complete a task.")
    async def complete_task(
        self, info: Info, input: Annotated[CompleteTaskInput, described(description="The task, and how it ended.")]
    ) -> TaskPayload:
        """Complete a task, once."""
        change = task_states.complete_task(info.context.session, info.context.viewer, input.completion())
        return await task_payload(change, input.client_mutation_id)

    @strawberry.mutation(description="Complete up to 100 tasks, each on its own.")
    async def complete_tasks(
        self,
        info: Info,
        ids: Annotated[list[strawberry.ID], described(description="The tasks' identifiers, at most 100.")],
    ) -> TasksPayload:
        """Complete tasks, each once."""
        outcomes = await task_states.complete_tasks(info.context.session, info.context.viewer, to_uuids(ids, "ids"))
        return tasks_payload(outcomes, "ids")

    @strawberry.mutation(description="Open a completed or cancelled task again.")
    async def reopen_task(
        self, info: Info, input: Annotated[TaskIdInput, described(description="The task.")]
    ) -> TaskPayload:
        """Open a task again."""
        change = task_states.reopen_task(info.context.session, info.context.viewer, input.chosen())
        return await task_payload(change, input.client_mutation_id)

    @strawberry.mutation(description="Call a task off.")
    async def cancel_task(
        self, info: Info, input: Annotated[TaskIdInput, described(description="The task.")]
    ) -> TaskPayload:
        """Call a task off."""
        change = task_states.cancel_task(info.context.session, info.context.viewer, input.chosen())
        return await task_payload(change, input.client_mutation_id)
