"""Everything that can be changed: a table of contents."""

from __future__ import annotations

from typing import Annotated

import strawberry
from strawberry import argument as described

from resolvers import deletions, relinks, task_batches, task_changes, task_states, tasks
from schema.context import Info
from schema.relinks import RelinkPayload, RelinkTasksInput, relink_payload
from schema.scalars import to_uuids
from schema.task_inputs import (
    CompleteTaskInput,
    CreateTaskInput,
    TaskIdInput,
    UpdateTaskInput,
    wanted_task,
    wanted_tasks,
)
from schema.task_payloads import TaskPayload, TasksPayload, task_payload, tasks_payload


@strawberry.type(description="Everything that can be changed.")
class Mutation:
    """The root of all mutations."""

    @strawberry.mutation(description="Create a task for a lead, a contact, an account, or any of them together.")
    async def create_task(
        self, info: Info, input: Annotated[CreateTaskInput, described(description="The task to create.")]
    ) -> TaskPayload:
        """Create a task."""
        wanted = wanted_task(info.context, input)
        change = tasks.create_task(
            info.context.change(input.client_mutation_id),
            info.context.viewer,
            wanted.draft,
            is_check_only=wanted.is_check_only,
            intention=wanted.intention,
        )
        return await task_payload(change, input.client_mutation_id)

    @strawberry.mutation(description="Create up to 100 tasks.")
    async def create_tasks(
        self,
        info: Info,
        input: Annotated[list[CreateTaskInput], described(description="The tasks to create, at most 100.")],
        atomic: Annotated[bool | None, described(description="True: all or none. False: each on its own.")] = True,
    ) -> TasksPayload:
        """Create tasks."""
        wanted = wanted_tasks(info.context, input)
        outcomes = await task_batches.create_tasks(
            info.context.change(None), info.context.viewer, wanted, is_atomic=atomic is not False
        )
        return tasks_payload(outcomes, "input", [one.client_mutation_id for one in input])

    @strawberry.mutation(description="Change a task.")
    async def update_task(
        self, info: Info, input: Annotated[UpdateTaskInput, described(description="The changes.")]
    ) -> TaskPayload:
        """Change a task."""
        change = input.change()
        updated = task_changes.update_task(
            info.context.change(input.client_mutation_id),
            info.context.viewer,
            change,
            is_check_only=bool(input.validate_only),
            intention=info.context.intention("updateTask", input.idempotency_key, change),
        )
        return await task_payload(updated, input.client_mutation_id)

    @strawberry.mutation(description="Complete a task.")
    async def complete_task(
        self, info: Info, input: Annotated[CompleteTaskInput, described(description="The task, and how it ended.")]
    ) -> TaskPayload:
        """Complete a task, once."""
        change = task_states.complete_task(
            info.context.change(input.client_mutation_id), info.context.viewer, input.completion()
        )
        return await task_payload(change, input.client_mutation_id)

    @strawberry.mutation(description="Complete up to 100 tasks, each on its own.")
    async def complete_tasks(
        self,
        info: Info,
        ids: Annotated[list[strawberry.ID], described(description="The tasks' identifiers, at most 100.")],
    ) -> TasksPayload:
        """Complete tasks, each once."""
        outcomes = await task_states.complete_tasks(
            info.context.change(None), info.context.viewer, to_uuids(ids, "ids")
        )
        return tasks_payload(outcomes, "ids")

    @strawberry.mutation(description="Open a completed or cancelled task again.")
    async def reopen_task(
        self, info: Info, input: Annotated[TaskIdInput, described(description="The task.")]
    ) -> TaskPayload:
        """Open a task again."""
        change = task_states.reopen_task(
            info.context.change(input.client_mutation_id), info.context.viewer, input.chosen()
        )
        return await task_payload(change, input.client_mutation_id)

    @strawberry.mutation(description="Call a task off.")
    async def cancel_task(
        self, info: Info, input: Annotated[TaskIdInput, described(description="The task.")]
    ) -> TaskPayload:
        """Call a task off."""
        change = task_states.cancel_task(
            info.context.change(input.client_mutation_id), info.context.viewer, input.chosen()
        )
        return await task_payload(change, input.client_mutation_id)

    @strawberry.mutation(description="Delete a task. It can be restored.")
    async def delete_task(
        self, info: Info, input: Annotated[TaskIdInput, described(description="The task.")]
    ) -> TaskPayload:
        """Delete a task, once."""
        change = deletions.delete_task(
            info.context.change(input.client_mutation_id), info.context.viewer, input.chosen()
        )
        return await task_payload(change, input.client_mutation_id)

    @strawberry.mutation(description="Bring a deleted task back.")
    async def restore_task(
        self, info: Info, input: Annotated[TaskIdInput, described(description="The task.")]
    ) -> TaskPayload:
        """Bring a deleted task back."""
        change = deletions.restore_task(
            info.context.change(input.client_mutation_id), info.context.viewer, input.chosen()
        )
        return await task_payload(change, input.client_mutation_id)

    @strawberry.mutation(
        description="Move the tasks of one record to others: after a conversion, a merge or a deletion."
    )
    async def relink_tasks(
        self, info: Info, input: Annotated[RelinkTasksInput, described(description="What to move, and where.")]
    ) -> RelinkPayload:
        """Move tasks, or say what would be moved."""
        session, viewer, relink = info.context.change(None), info.context.viewer, input.relink()
        if input.dry_run is not False:
            return await relink_payload(relinks.plan_relink(session, viewer, relink), is_dry_run=True)
        intention = info.context.intention("relinkTasks", input.idempotency_key, relink)
        return await relink_payload(relinks.relink_tasks(session, viewer, relink, intention), is_dry_run=False)
