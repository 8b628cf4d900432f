"""What can be done with all tasks of the organization: /api/tasks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from db.task_filters import TaskFilter
from db.task_orders import TaskOrder, TaskSort
from db.task_states import Completion
from resolvers.lead_tasks import task_of
from resolvers.task_lists import count_cards, part_of_tasks
from resolvers.task_states import complete_task
from resolvers.tasks import TaskDraft, count_tasks, create_task
from schema.arguments import UTC_ZONE
from server.rest import inputs, shapes
from server.rest.filters import of_list
from server.rest.operations import AnyOperation, Call, Operation, Parameters
from server.rest.shown_tasks import changed_task, task, whole_task

if TYPE_CHECKING:
    from uuid import UUID

    from resolvers.task_rules import Changed


async def _list(call: Call[inputs.TaskList, inputs.Nothing]) -> shapes.TaskList:
    asked, filter_ = call.parameters, of_list(call.parameters)
    order = TaskOrder(
        TaskSort("due_at" if asked.sort_by == "scheduled_at" else asked.sort_by), asked.sort_order == "desc"
    )
    part = await part_of_tasks(call.session, filter_, order, limit=asked.limit, offset=asked.offset)
    total = await count_tasks(call.session, filter_)
    cards = await count_cards(call.session, TaskFilter(), call.now, UTC_ZONE)
    return shapes.TaskList(
        [task(named) for named in part],
        shapes.list_stats(cards),
        shapes.Pagination(asked.limit, asked.offset, total),
    )


async def _stats(call: Call[inputs.TaskStats, inputs.Nothing]) -> shapes.StatsAnswer:
    return shapes.StatsAnswer(
        shapes.stats(await count_cards(call.session, TaskFilter(), call.now, call.parameters.time_zone))
    )


async def _create(call: Call[inputs.Nothing, inputs.NewTask]) -> shapes.ChangedTask:
    draft = draft_of(call.body, call.body.lead_id)
    created = await create_task(call.session, call.viewer, draft, intention=call.intention("createTask", draft))
    return await changed_task(call.session, created, created_words(created))


async def _get(call: Call[inputs.TaskPath, inputs.Nothing]) -> shapes.OneTask:
    return shapes.OneTask(await whole_task(call.session, await task_of(call.session, call.parameters.id)))


async def _complete(call: Call[inputs.TaskPath, inputs.Completion]) -> shapes.ChangedTask:
    return await completed(call, call.parameters.id)


def draft_of(body: inputs.NewLeadTask, lead_id: UUID | None) -> TaskDraft:
    """Return a new task as plain data."""
    return TaskDraft(
        subject=body.subject,
        description=body.description or "",
        priority=body.priority or "medium",
        due_at=body.scheduled_at,
        assignee_id=body.assigned_to,
        lead_id=lead_id,
        contact_id=body.contact_id,
        account_id=body.account_id,
    )


def created_words(created: Changed) -> str:
    """Say whether a task was created now or before."""
    return "The task had been created before." if created.is_replayed else "Task created."


async def completed(call: Call[Parameters, inputs.Completion], task_id: UUID) -> shapes.ChangedTask:
    """Complete a task, once. Raises Refused."""
    completion = Completion(
        task_id=task_id,
        outcome=(call.body.outcome or "").strip() or None,
        notes=(call.body.notes or "").strip() or None,
        expected_version=call.expected_version,
    )
    done = await complete_task(call.session, call.viewer, completion)
    said = "The task had been completed before." if done.is_replayed else "Task completed."
    return await changed_task(call.session, done, said)


def operations() -> list[AnyOperation]:
    """Return all of them."""
    return [
        Operation(
            method="GET",
            path="/tasks",
            name="listTasks",
            summary="List tasks, open ones first, with the numbers of all",
            parameters=inputs.TaskList,
            answer=shapes.TaskList,
            run=_list,
        ),
        Operation(
            method="POST",
            path="/tasks",
            name="createTask",
            summary="Create a task for a lead, a contact, an account, or any of them together",
            parameters=inputs.Nothing,
            body=inputs.NewTask,
            answer=shapes.ChangedTask,
            status=201,
            is_keyed=True,
            run=_create,
        ),
        Operation(
            method="GET",
            path="/tasks/stats",
            name="getTaskStats",
            summary="Count all tasks of the organization",
            parameters=inputs.TaskStats,
            answer=shapes.StatsAnswer,
            run=_stats,
        ),
        Operation(
            method="GET",
            path="/tasks/{id}",
            name="getTask",
            summary="Read a task",
            parameters=inputs.TaskPath,
            answer=shapes.OneTask,
            run=_get,
        ),
        Operation(
            method="PATCH",
            path="/tasks/{id}/complete",
            name="completeTask",
            summary="Complete a task, once",
            parameters=inputs.TaskPath,
            body=inputs.Completion,
            answer=shapes.ChangedTask,
            is_conditional=True,
            run=_complete,
        ),
    ]
