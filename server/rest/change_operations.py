"""What can be changed of one task, and of several at once: by PATCH and DELETE, below a lead or not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from db.task_changes import TaskChange
from db.task_states import ChosenTask
from resolvers.deletions import delete_task
from resolvers.lead_tasks import complete_lead_tasks, task_of
from resolvers.task_patches import patch_task
from server.rest import inputs, shapes
from server.rest.operations import AnyOperation, Call, Operation, Parameters
from server.rest.shown_tasks import changed_task

if TYPE_CHECKING:
    from uuid import UUID

    from db.interactions import InteractionRow

# What a use case calls by another name than the body.
NAMES = {"scheduled_at": "due_at", "assigned_to": "assignee_id"}


async def _patch(call: Call[inputs.TaskPath, inputs.TaskPatch]) -> shapes.ChangedTask:
    return await _patched(call, call.parameters.id)


async def _patch_of_lead(call: Call[inputs.LeadTaskPath, inputs.TaskPatch]) -> shapes.ChangedTask:
    await task_of(call.session, call.parameters.task_id, call.parameters.lead_id)
    return await _patched(call, call.parameters.task_id)


async def _delete(call: Call[inputs.TaskPath, inputs.Nothing]) -> shapes.Message:
    return await _deleted(call, await task_of(call.session, call.parameters.id))


async def _delete_of_lead(call: Call[inputs.LeadTaskPath, inputs.Nothing]) -> shapes.Message:
    return await _deleted(call, await task_of(call.session, call.parameters.task_id, call.parameters.lead_id))


async def _complete_several(call: Call[inputs.LeadPath, inputs.ChosenTasks]) -> shapes.CompletedTasks:
    done = await complete_lead_tasks(call.session, call.viewer, call.parameters.lead_id, call.body.task_ids)
    return shapes.CompletedTasks(f"{done} tasks completed." if done != 1 else "1 task completed.", done)


async def _patched(call: Call[Parameters, inputs.TaskPatch], task_id: UUID) -> shapes.ChangedTask:
    changed = await patch_task(call.session, call.viewer, change_of(call, task_id), call.body.status)
    return await changed_task(
        call.session, changed, "Nothing was to be changed." if changed.is_replayed else "Task changed."
    )


async def _deleted(call: Call[Parameters, inputs.Nothing], task: InteractionRow) -> shapes.Message:
    await delete_task(call.session, call.viewer, ChosenTask(task.id, call.expected_version))
    return shapes.Message("Task deleted.")


def change_of(call: Call[Parameters, inputs.TaskPatch], task_id: UUID) -> TaskChange:
    """Return the changes as plain data: what the body names, be it null."""
    body = call.body
    named = body.model_fields_set - {"status"}
    values = {NAMES.get(name, name): getattr(body, name) for name in named}
    if "priority" in values:
        values["priority"] = body.priority or "medium"
    return TaskChange(task_id=task_id, given=frozenset(values), expected_version=call.expected_version, **values)


def operations() -> list[AnyOperation]:
    """Return all of them."""
    return [
        Operation(
            method="PATCH",
            path="/tasks/{id}",
            name="updateTask",
            summary="Change a task",
            parameters=inputs.TaskPath,
            body=inputs.TaskPatch,
            answer=shapes.ChangedTask,
            is_conditional=True,
            run=_patch,
        ),
        Operation(
            method="DELETE",
            path="/tasks/{id}",
            name="deleteTask",
            summary="Delete a task; GraphQL can restore it",
            parameters=inputs.TaskPath,
            answer=shapes.Message,
            is_conditional=True,
            run=_delete,
        ),
        Operation(
            method="PATCH",
            path="/leads/{lead_id}/tasks/{task_id}",
            name="updateTaskOfLead",
            summary="Change a lead's task",
            parameters=inputs.LeadTaskPath,
            body=inputs.TaskPatch,
            answer=shapes.ChangedTask,
            is_conditional=True,
            run=_patch_of_lead,
        ),
        Operation(
            method="DELETE",
            path="/leads/{lead_id}/tasks/{task_id}",
            name="deleteTaskOfLead",
            summary="Delete a lead's task; GraphQL can restore it",
            parameters=inputs.LeadTaskPath,
            answer=shapes.Message,
            is_conditional=True,
            run=_delete_of_lead,
        ),
        Operation(
            method="POST",
            path="/leads/{lead_id}/tasks/bulk-complete",
            name="completeTasksOfLead",
            summary="Complete up to 100 of a lead's tasks, each once",
            parameters=inputs.LeadPath,
            body=inputs.ChosenTasks,
            answer=shapes.CompletedTasks,
            run=_complete_several,
        ),
    ]
