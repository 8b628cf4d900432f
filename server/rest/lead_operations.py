"""What can be done with the tasks of leads: /api/leads/tasks and /api/leads/{lead_id}/tasks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from db.filters import IdTest
from db.task_filters import TaskFilter
from db.task_orders import DEFAULT_ORDER
from resolvers.lead_tasks import create_lead_task, lead_of, task_of
from resolvers.task_lists import count_cards, part_of_tasks
from server.rest import inputs, shapes
from server.rest.filters import OF_LEADS, OVERDUE, ahead, chosen, every, of_lead
from server.rest.operations import AnyOperation, Call, Operation
from server.rest.shown_tasks import changed_task, whole_tasks
from server.rest.task_operations import completed, created_words, draft_of

if TYPE_CHECKING:
    from db.sessions import Session

(ORDER,) = DEFAULT_ORDER


async def _list_of_lead(call: Call[inputs.LeadTaskList, inputs.Nothing]) -> shapes.LeadTaskList:
    asked = call.parameters
    await lead_of(call.session, asked.lead_id)
    wanted = of_lead(asked, call.now)
    part = await part_of_tasks(call.session, wanted, ORDER, limit=asked.limit, offset=asked.offset)
    own = TaskFilter(lead_id=IdTest(eq=asked.lead_id))
    cards = await count_cards(call.session, own, call.now, asked.time_zone)
    return shapes.LeadTaskList(await whole_tasks(call.session, part), shapes.lead_stats(cards))


async def _list_of_leads(call: Call[inputs.LeadsTaskList, inputs.Nothing]) -> shapes.LeadsTaskList:
    return await _leads_list(call.session, call.parameters, OF_LEADS)


async def _overdue(call: Call[inputs.LeadsTaskList, inputs.Nothing]) -> shapes.LeadsTaskList:
    return await _leads_list(call.session, call.parameters, every(OF_LEADS, OVERDUE))


async def _upcoming(call: Call[inputs.UpcomingTasks, inputs.Nothing]) -> shapes.LeadsTaskList:
    return await _leads_list(call.session, call.parameters, every(OF_LEADS, ahead(call.parameters.days, call.now)))


async def _leads_list(session: Session, asked: inputs.LeadsTaskList, wanted: TaskFilter) -> shapes.LeadsTaskList:
    wanted = every(chosen(asked), wanted)
    part = await part_of_tasks(session, wanted, ORDER, limit=asked.limit, offset=asked.offset)
    return shapes.LeadsTaskList(await whole_tasks(session, part), len(part))


async def _create(call: Call[inputs.LeadPath, inputs.NewLeadTask]) -> shapes.ChangedTask:
    lead_id = call.parameters.lead_id
    draft = draft_of(call.body, lead_id)
    intention = call.intention("createTask", draft)
    created = await create_lead_task(call.session, call.viewer, lead_id, draft, intention=intention)
    return await changed_task(call.session, created, created_words(created))


async def _complete(call: Call[inputs.LeadTaskPath, inputs.Completion]) -> shapes.ChangedTask:
    await task_of(call.session, call.parameters.task_id, call.parameters.lead_id)
    return await completed(call, call.parameters.task_id)


def operations() -> list[AnyOperation]:
    """Return all of them."""
    return [
        Operation(
            method="GET",
            path="/leads/tasks",
            name="listTasksOfLeads",
            summary="List the tasks of all leads, open ones first",
            parameters=inputs.LeadsTaskList,
            answer=shapes.LeadsTaskList,
            run=_list_of_leads,
        ),
        Operation(
            method="GET",
            path="/leads/tasks/overdue",
            name="listOverdueTasksOfLeads",
            summary="List the overdue tasks of all leads",
            parameters=inputs.LeadsTaskList,
            answer=shapes.LeadsTaskList,
            run=_overdue,
        ),
        Operation(
            method="GET",
            path="/leads/tasks/upcoming",
            name="listUpcomingTasksOfLeads",
            summary="List the open tasks of all leads that are due soon",
            parameters=inputs.UpcomingTasks,
            answer=shapes.LeadsTaskList,
            run=_upcoming,
        ),
        Operation(
            method="GET",
            path="/leads/{lead_id}/tasks",
            name="listTasksOfLead",
            summary="List a lead's tasks, open ones first, with the numbers of all",
            parameters=inputs.LeadTaskList,
            answer=shapes.LeadTaskList,
            run=_list_of_lead,
        ),
        Operation(
            method="POST",
            path="/leads/{lead_id}/tasks",
            name="createTaskOfLead",
            summary="Create a task for a lead",
            parameters=inputs.LeadPath,
            body=inputs.NewLeadTask,
            answer=shapes.ChangedTask,
            status=201,
            is_keyed=True,
            run=_create,
        ),
        Operation(
            method="PATCH",
            path="/leads/{lead_id}/tasks/{task_id}/complete",
            name="completeTaskOfLead",
            summary="Complete a lead's task, once",
            parameters=inputs.LeadTaskPath,
            body=inputs.Completion,
            answer=shapes.ChangedTask,
            is_conditional=True,
            run=_complete,
        ),
    ]
