"""What a lead, a contact and an account have in common, as clients see it: a name, tasks, and a timeline."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Annotated, ClassVar

import strawberry
from strawberry import UNSET, argument, lazy

from db.accounts import AccountRow
from db.contacts import ContactRow
from db.leads import LeadRow
from db.records import RecordKind as Kind
from db.task_filters import TaskFilter as PlainFilter
from execution.stored import stored
from resolvers import record_lists
from resolvers.task_stats import RecordTasks, due_today
from resolvers.timelines import RecordTimeline
from schema.arguments import UTC_ZONE, After, At, Before, First, IncludeRelated, Last, Zone, page_request
from schema.context import Info
from schema.nodes import IDENTIFIER, Node
from schema.orders import TaskOrders, plain_order

if TYPE_CHECKING:
    from schema.filters import TaskFilter
    from schema.task_stats import TaskStats
    from schema.tasks import TaskConnection
    from schema.timeline_filters import TimelineFilter
    from schema.timelines import TimelineConnection


@strawberry.interface(description="A lead, a contact or an account.")
class CrmRecord(Node):
    """A lead, a contact or an account."""

    stored_kind: ClassVar[Kind]

    row: strawberry.Private[LeadRow | ContactRow | AccountRow]

    id: strawberry.ID = stored("row.id", made=str, description=IDENTIFIER)
    display_name: str = stored("row.display_name", description="The name to show to people; never empty.")

    @strawberry.field(description="Tasks linked directly to this record.")
    async def tasks(
        self,
        info: Info,
        filter: Annotated[
            Annotated[TaskFilter, lazy("schema.filters")] | None, argument(description="Only tasks that match.")
        ] = UNSET,
        order_by: TaskOrders = UNSET,
        first: First = UNSET,
        after: After = UNSET,
        last: Last = UNSET,
        before: Before = UNSET,
    ) -> Annotated[TaskConnection, lazy("schema.tasks")]:
        """List the record's tasks."""
        from schema.tasks import task_connection  # noqa: PLC0415 - tasks show records, and records tasks

        plain = filter.plain() if filter else PlainFilter()
        loaders, kind, id_ = info.context.loaders, self.stored_kind, self.row.id
        request = page_request(first, after, last, before)
        page = await record_lists.page_of_record(loaders, kind, id_, plain, plain_order(order_by), request)
        return task_connection(page, partial(record_lists.count_of_record, loaders, kind, id_, plain))

    @strawberry.field(
        description="Everything that happened or is planned with this record, newest first, each entry once."
    )
    async def timeline(  # noqa: PLR0913, PLR0917 - each is an argument of the field
        self,
        info: Info,
        include_related: IncludeRelated = False,
        filter: Annotated[
            Annotated[TimelineFilter, lazy("schema.timeline_filters")] | None,
            argument(description="Only interactions that match."),
        ] = UNSET,
        at: At = UNSET,
        time_zone: Zone = UTC_ZONE,
        first: First = UNSET,
        after: After = UNSET,
        last: Last = UNSET,
        before: Before = UNSET,
    ) -> Annotated[TimelineConnection, lazy("schema.timelines")]:
        """Read the record's timeline."""
        from schema.timelines import plain_timeline, timeline_connection  # noqa: PLC0415 - timelines show records

        of = RecordTimeline(plain_timeline(self.stored_kind, include_related, filter), self.row.id)
        return await timeline_connection(info, of, page_request(first, after, last, before), at, time_zone)

    @strawberry.field(description="Counts of this record's tasks.")
    async def task_stats(
        self,
        info: Info,
        include_related: Annotated[
            bool | None, argument(description="Also count tasks of closely related records, each once.")
        ] = False,
        time_zone: Zone = UTC_ZONE,
    ) -> Annotated[TaskStats, lazy("schema.task_stats")]:
        """Say what to count; the counts are made when they are asked for."""
        from schema.task_stats import TaskStats  # noqa: PLC0415 - tasks show records, and records tasks

        whose = RecordTasks(self.stored_kind, self.row.id, is_with_related=bool(include_related))
        return TaskStats(whose=whose, due=due_today(info.context.now, time_zone or UTC_ZONE))
