"""Which tasks a list's parameters mean, as the filter that GraphQL has too."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from db.filters import IdTest, InstantTest
from db.link_filters import LinksTest
from db.record_filters import RecordTest
from db.records import RecordKind
from db.task_filters import OPEN_STATUSES, TaskFilter
from resolvers.zones import Unit, stretch_at

if TYPE_CHECKING:
    from datetime import datetime

    from server.rest import inputs

UNITS = {"today": Unit.DAY, "week": Unit.WEEK, "month": Unit.MONTH}
OF_LEADS = TaskFilter(lead_id=IdTest(is_null=False))
OVERDUE = TaskFilter(is_overdue=True)


def every(*filters: TaskFilter) -> TaskFilter:
    """Return the filter that asks all of these."""
    return TaskFilter(all_of=filters)


def chosen(asked: inputs.Chosen) -> TaskFilter:
    """Return what status and priority ask."""
    statuses = {"all": None, "overdue": None, "pending": OPEN_STATUSES}.get(asked.status, (asked.status,))
    return TaskFilter(
        status=statuses,
        is_overdue=True if asked.status == "overdue" else None,
        priority=None if asked.priority == "all" else (asked.priority,),
    )


def of_list(asked: inputs.TaskList) -> TaskFilter:
    """Return what the list of all tasks asks."""
    links = LinksTest(all=(RecordKind(asked.entity_type),)) if asked.entity_type else LinksTest()
    return every(
        chosen(asked),
        TaskFilter(
            assignee_id=IdTest(eq=asked.assigned_to),
            lead=RecordTest(owner_id=IdTest(eq=asked.lead_owner)),
            lead_id=IdTest(eq=asked.lead_id, is_null=False if asked.type == "lead" else None),
            contact_id=IdTest(eq=asked.contact_id),
            account_id=IdTest(eq=asked.account_id, is_null=False if asked.type == "renewal" else None),
            links=links,
        ),
    )


def of_lead(asked: inputs.LeadTaskList, now: datetime) -> TaskFilter:
    """Return what the list of a lead's tasks asks, the lead included."""
    due_at = InstantTest()
    if asked.date_range:
        stretch = stretch_at(UNITS[asked.date_range], now, asked.time_zone)
        due_at = InstantTest(gte=stretch.starts_at, lt=stretch.ends_at)
    more = TaskFilter(lead_id=IdTest(eq=asked.lead_id), is_overdue=True if asked.overdue else None, due_at=due_at)
    return every(chosen(asked), more)


def ahead(days: int, now: datetime) -> TaskFilter:
    """Return the open tasks that are due within so many days from now."""
    return TaskFilter(status=OPEN_STATUSES, due_at=InstantTest(gte=now, lt=now + timedelta(days=days)))
