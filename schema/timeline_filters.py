"""The filter of timelines, as clients write it."""

from __future__ import annotations

import strawberry
from strawberry import UNSET, field

from db import timeline_filters
from schema.arguments import given_or_none
from schema.filter_limits import check_filter
from schema.filters import DateTimeFilter, IDFilter, LinksFilter
from schema.interactions import InteractionKind
from schema.plain_filters import id_test, instant_test, links_test, priority_words, search_words, status_words
from schema.tasks import TaskPriority, TaskStatus


@strawberry.input(
    description="Choose interactions of a timeline. All given fields must hold; a field that is null or absent asks "
    "nothing."
)
class TimelineFilter:
    """Choose interactions of a timeline."""

    kinds: list[InteractionKind] | None = field(default=UNSET, description="It is of one of these sorts.")
    lead_id: IDFilter | None = field(default=UNSET, description="The linked lead's identifier.")
    contact_id: IDFilter | None = field(default=UNSET, description="The linked contact's identifier.")
    account_id: IDFilter | None = field(default=UNSET, description="The linked account's identifier.")
    links: LinksFilter | None = field(default=UNSET, description="Which kinds of record are linked.")
    open: bool | None = field(default=UNSET, description="True: only open tasks. False: everything but open tasks.")
    overdue: bool | None = field(
        default=UNSET, description="True: only overdue tasks. False: everything but overdue tasks."
    )
    status: list[TaskStatus] | None = field(
        default=UNSET,
        description="A task with one of these statuses. Leaves out everything that is not a task.",
    )
    priority: list[TaskPriority] | None = field(
        default=UNSET,
        description="A task with one of these priorities. Leaves out everything that is not a task.",
    )
    assignee_id: IDFilter | None = field(default=UNSET, description="Who is to do it, or who did it.")
    search: str | None = field(default=UNSET, description="Words of the subject or description.")
    occurs_at: DateTimeFilter | None = field(default=UNSET, description="Where it stands on the timeline.")
    due_at: DateTimeFilter | None = field(
        default=UNSET, description="When a task is due. Leaves out everything that is not a task."
    )

    def plain(self) -> timeline_filters.TimelineFilter:
        """Return the filter as plain data. Raises BadUserInput or LimitExceeded."""
        check_filter(self, "filter")
        return timeline_filters.TimelineFilter(
            kinds=_kind_words(self.kinds),
            links=links_test(self.links),
            status=status_words(self.status),
            priority=priority_words(self.priority),
            is_open=given_or_none(self.open),
            is_overdue=given_or_none(self.overdue),
            lead_id=id_test(self.lead_id, "filter.leadId"),
            contact_id=id_test(self.contact_id, "filter.contactId"),
            account_id=id_test(self.account_id, "filter.accountId"),
            assignee_id=id_test(self.assignee_id, "filter.assigneeId"),
            words=search_words(self.search, "filter.search"),
            occurs_at=instant_test(self.occurs_at),
            due_at=instant_test(self.due_at),
        )


def _kind_words(given: list[InteractionKind] | None) -> tuple[str, ...] | None:
    """Return the words for kinds, each once and in a fixed order, so that the same choice is the same filter."""
    return tuple(str(kind.value) for kind in InteractionKind if kind in given) if isinstance(given, list) else None
