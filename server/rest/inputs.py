"""What may be asked: the parameters and bodies of all operations. They validate requests and make the OpenAPI document.

Names that none of these has are passed over, as they always have been; an empty parameter asks nothing.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from resolvers.task_rules import LONGEST_OUTCOME, LONGEST_SUBJECT, MOST_AT_ONCE
from schema.arguments import UTC_ZONE
from server.rest.values import Id, Instant, OrEmpty, Zone

LARGEST_PAGE = 1_000
LARGEST_LEADS_PAGE = 100
LARGEST_OFFSET = 1_000_000_000
MOST_DAYS = 3_650

Status = Literal["scheduled", "completed", "cancelled", "pending", "overdue", "all"]
Priority = Literal["low", "medium", "high"]
AnyPriority = Literal["low", "medium", "high", "all"]
Kind = Literal["lead", "contact", "account"]


class Input(BaseModel):
    """Something that a client sends."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)


class Nothing(Input):
    """No parameter and no body."""


class Chosen(Input):
    """By which every list can be narrowed."""

    status: Annotated[
        Status, Field(description="`pending`: open, whether scheduled or not. `overdue`: open, and due in the past.")
    ] = "all"
    priority: Annotated[AnyPriority, Field(description="How urgent.")] = "all"


class TaskList(Chosen):
    """Parameters of the list of all tasks."""

    assigned_to: Annotated[Id | None, Field(description="Who is to do it.")] = None
    lead_owner: Annotated[Id | None, Field(description="The colleague responsible for the linked lead.")] = None
    lead_id: Annotated[Id | None, Field(description="Linked to this lead.")] = None
    contact_id: Annotated[Id | None, Field(description="Linked to this contact.")] = None
    account_id: Annotated[Id | None, Field(description="Linked to this account.")] = None
    entity_type: Annotated[Kind | None, Field(description="Linked to a record of this kind that is still there.")] = (
        None
    )
    type: Annotated[
        Literal["all", "renewal", "lead"],
        Field(description="`renewal`: with an account. `lead`: with a lead."),
    ] = "all"
    sort_by: Annotated[
        Literal["scheduled_at", "priority", "created_at"],
        Field(description="The order among open tasks, which come first, and among the others. No value comes last."),
    ] = "scheduled_at"
    sort_order: Annotated[Literal["asc", "desc"], Field(description="Which way.")] = "asc"
    limit: Annotated[int, Field(ge=1, le=LARGEST_PAGE, description="How many to answer.")] = 100
    offset: Annotated[int, Field(ge=0, le=LARGEST_OFFSET, description="How many to leave out before.")] = 0


class TaskStats(Input):
    """Parameters of the numbers."""

    time_zone: Annotated[Zone, Field(description="Where today and this week begin and end. UTC, when left out.")] = (
        UTC_ZONE
    )


class TaskPath(Input):
    """The task."""

    id: Annotated[Id, Field(description="The task.")]


class LeadPath(Input):
    """The lead."""

    lead_id: Annotated[Id, Field(description="The lead.")]


class LeadTaskPath(LeadPath):
    """The lead and its task."""

    task_id: Annotated[Id, Field(description="The task. One of another lead isn't found.")]


class LeadTaskList(LeadPath, Chosen):
    """Parameters of a lead's list."""

    overdue: Annotated[bool, Field(description="True: only overdue tasks.")] = False
    date_range: Annotated[
        Literal["today", "week", "month"] | None, Field(description="Due within this day, week or month.")
    ] = None
    time_zone: Annotated[Zone, Field(description="Where those begin and end. UTC, when left out.")] = UTC_ZONE
    limit: Annotated[int, Field(ge=1, le=LARGEST_PAGE, description="How many to answer.")] = LARGEST_PAGE
    offset: Annotated[int, Field(ge=0, le=LARGEST_OFFSET, description="How many to leave out before.")] = 0


class LeadsTaskList(Chosen):
    """Parameters of the list of all leads' tasks."""

    limit: Annotated[int, Field(ge=1, le=LARGEST_LEADS_PAGE, description="How many to answer.")] = LARGEST_LEADS_PAGE
    offset: Annotated[int, Field(ge=0, le=LARGEST_OFFSET, description="How many to leave out before.")] = 0


class UpcomingTasks(LeadsTaskList):
    """Parameters of the list of what is ahead."""

    days: Annotated[int, Field(ge=1, le=MOST_DAYS, description="How many days ahead.")] = 7


class NewLeadTask(Input):
    """A new task of a lead."""

    # Its absence is refused together with whatever else the use case finds, not before it.
    model_config = ConfigDict(json_schema_extra={"required": ["subject"]})

    subject: Annotated[str, Field(description=f"The headline: 1 to {LONGEST_SUBJECT} characters after trimming.")] = ""
    description: Annotated[str | None, Field(description="Longer text.")] = ""
    contact_id: Annotated[OrEmpty[Id], Field(description="The contact to link.")] = None
    account_id: Annotated[OrEmpty[Id], Field(description="The account to link.")] = None
    scheduled_at: Annotated[OrEmpty[Instant], Field(description="When it is due. Without an offset it means UTC.")] = (
        None
    )
    priority: Annotated[OrEmpty[Priority], Field(description="How urgent it is; `medium`, when left out.")] = None
    assigned_to: Annotated[OrEmpty[Id], Field(description="Who is to do it.")] = None


class NewTask(NewLeadTask):
    """A new task. It needs a subject and at least one link."""

    lead_id: Annotated[OrEmpty[Id], Field(description="The lead to link.")] = None


class Completion(Input):
    """How a task ended."""

    outcome: Annotated[
        str | None,
        Field(description=f"What came of it: at most {LONGEST_OUTCOME} characters. Empty keeps what is there."),
    ] = None
    notes: Annotated[str | None, Field(description="Added to the end of the description.")] = None


class TaskPatch(Input):
    """Changes of a task: what is left out stays, null or an empty text clears."""

    subject: Annotated[
        str | None,
        Field(description=f"The headline: 1 to {LONGEST_SUBJECT} characters after trimming; never empty."),
    ] = None
    description: Annotated[str | None, Field(description="Longer text.")] = None
    scheduled_at: Annotated[OrEmpty[Instant], Field(description="When it is due. Without an offset it means UTC.")] = (
        None
    )
    priority: Annotated[OrEmpty[Priority], Field(description="How urgent it is; null makes it `medium`.")] = None
    assigned_to: Annotated[OrEmpty[Id], Field(description="Who is to do it. Must be somebody.")] = None
    lead_id: Annotated[OrEmpty[Id], Field(description="The lead to link.")] = None
    contact_id: Annotated[OrEmpty[Id], Field(description="The contact to link.")] = None
    account_id: Annotated[OrEmpty[Id], Field(description="The account to link.")] = None
    status: Annotated[
        OrEmpty[Literal["scheduled", "pending", "completed", "cancelled"]],
        Field(description="Close it, or open it: both `scheduled` and `pending` do, its date decides which it is."),
    ] = None


class ChosenTasks(Input):
    """Tasks by their ids."""

    task_ids: Annotated[
        list[Id],
        Field(alias="taskIds", max_length=MOST_AT_ONCE, description="The tasks. Those of other leads are passed over."),
    ]
