"""Everything that can be asked: a table of contents."""

from __future__ import annotations

from functools import partial
from typing import Annotated

import strawberry
from strawberry import UNSET

from db.accounts import AccountRow
from db.contacts import ContactRow
from db.interactions import TASK, InteractionRow
from db.leads import LeadRow
from db.linked_rows import INTERACTIONS
from db.records import RecordKind as Kind
from db.task_filters import TaskFilter as PlainFilter
from db.users import UserRow
from resolvers import colleagues, records, tasks, timelines
from resolvers.task_stats import OrganizationTasks, due_today
from schema import users
from schema.arguments import UTC_ZONE, After, At, Before, First, IncludeRelated, Last, Zone, page_request
from schema.context import Info
from schema.crm_records import CrmRecord
from schema.filters import TaskFilter
from schema.links import RecordKind, RecordRef
from schema.nodes import Node
from schema.orders import TaskOrders, plain_order
from schema.records import Account, Contact, Lead, account, contact, lead, record
from schema.scalars import to_uuid, to_uuids
from schema.task_stats import TaskStats
from schema.tasks import Task, TaskConnection, interaction, task, task_connection
from schema.timelines import Interactions, TimelineConnection, plain_timeline, timeline_connection

described = strawberry.argument


@strawberry.type(description="Everything that can be asked.")
class Query:
    """The root of all queries."""

    @strawberry.field(description="The person behind this request.")
    def viewer(self, info: Info) -> users.Viewer:
        """Tell who asks."""
        viewer = info.context.viewer
        return users.Viewer(organization_id=strawberry.ID(str(viewer.organization_id)), role=users.Role(viewer.role))

    @strawberry.field(description="Anything by its identifier. Null when there is no such thing in your organization.")
    async def node(
        self, info: Info, id: Annotated[strawberry.ID, described(description="The identifier.")]
    ) -> Node | None:
        """Look anything up."""
        (row,) = await records.many_by_ids(info.context.session, info.context.loaders, [to_uuid(id, "id")])
        return _node(row)

    @strawberry.field(
        description="Several things by their identifiers, in the order given; null where there is no such thing."
    )
    async def nodes(
        self, info: Info, ids: Annotated[list[strawberry.ID], described(description="The identifiers, at most 500.")]
    ) -> list[Node | None]:
        """Look many things up."""
        uuids = to_uuids(ids, "ids")
        rows = await records.many_by_ids(info.context.session, info.context.loaders, uuids)
        return [_node(row) for row in rows]

    @strawberry.field(description="One task. Null when there is no such task in your organization.")
    async def task(
        self, info: Info, id: Annotated[strawberry.ID, described(description="The task's identifier.")]
    ) -> Task | None:
        """Look a task up."""
        loaders, uuid = info.context.loaders, to_uuid(id, "id")
        await loaders.load_linked(INTERACTIONS, uuid, info.context.foreseen(info).relations)
        row = await loaders.interactions_by_id.load(uuid)
        return task(row) if row and row.kind == TASK else None

    @strawberry.field(description="Tasks of your organization.")
    async def tasks(
        self,
        info: Info,
        filter: Annotated[TaskFilter | None, described(description="Only tasks that match.")] = UNSET,
        order_by: TaskOrders = UNSET,
        first: First = UNSET,
        after: After = UNSET,
        last: Last = UNSET,
        before: Before = UNSET,
    ) -> TaskConnection | None:
        """List tasks."""
        plain = filter.plain() if filter else PlainFilter()
        request, order = page_request(first, after, last, before), plain_order(order_by)
        asked = info.context.foreseen(info).attributes
        page = await tasks.page_of_tasks(info.context.session, plain, order, request, asked=asked)
        return task_connection(page, partial(tasks.count_tasks, info.context.session, plain))

    @strawberry.field(description="Counts of your organization's tasks.")
    def task_stats(
        self,
        info: Info,
        filter: Annotated[TaskFilter | None, described(description="Only tasks that match.")] = UNSET,
        time_zone: Zone = UTC_ZONE,
    ) -> TaskStats:
        """Say what to count; the counts are made when they are asked for."""
        plain = filter.plain() if filter else PlainFilter()
        whose = OrganizationTasks(info.context.viewer.organization_id, plain)
        return TaskStats(whose=whose, due=due_today(info.context.now, time_zone or UTC_ZONE))

    @strawberry.field(description="The timeline of one record: everything that happened or is planned, newest first.")
    async def timeline(  # noqa: PLR0913, PLR0917 - each is an argument of the field
        self,
        info: Info,
        record: Annotated[RecordRef, described(description="Whose timeline.")],
        include_related: IncludeRelated = False,
        filter: Interactions = UNSET,
        at: At = UNSET,
        time_zone: Zone = UTC_ZONE,
        first: First = UNSET,
        after: After = UNSET,
        last: Last = UNSET,
        before: Before = UNSET,
    ) -> TimelineConnection | None:
        """Read a timeline."""
        kind, id_ = record.target()
        asked = plain_timeline(kind, include_related, filter)
        loaders, foreseen = info.context.loaders, info.context.foreseen(info)
        of = await timelines.timeline_of(loaders, asked, id_, foreseen.relations, foreseen.attributes)
        return await timeline_connection(info, of, page_request(first, after, last, before), at, time_zone)

    @strawberry.field(description="One lead. Null when there is no such lead in your organization.")
    async def lead(
        self, info: Info, id: Annotated[strawberry.ID, described(description="The lead's identifier.")]
    ) -> Lead | None:
        """Look a lead up."""
        return lead(await info.context.loaders.leads_by_id.load(to_uuid(id, "id")))

    @strawberry.field(description="One contact. Null when there is no such contact in your organization.")
    async def contact(
        self, info: Info, id: Annotated[strawberry.ID, described(description="The contact's identifier.")]
    ) -> Contact | None:
        """Look a contact up."""
        return contact(await info.context.loaders.contacts_by_id.load(to_uuid(id, "id")))

    @strawberry.field(description="One account. Null when there is no such account in your organization.")
    async def account(
        self, info: Info, id: Annotated[strawberry.ID, described(description="The account's identifier.")]
    ) -> Account | None:
        """Look an account up."""
        return account(await info.context.loaders.accounts_by_id.load(to_uuid(id, "id")))

    @strawberry.field(
        description="Leads, contacts and accounts by name, company or e-mail address, best match first: for pickers."
    )
    async def search_records(
        self,
        info: Info,
        search: Annotated[str, described(description="Words, or the beginnings of words.")],
        kinds: Annotated[
            list[RecordKind] | None, described(description="Only these kinds. All three by default.")
        ] = UNSET,
        first: Annotated[int | None, described(description="How many to return.")] = 10,
    ) -> list[CrmRecord]:
        """Find records by words."""
        wanted = [Kind(str(kind.value)) for kind in kinds] if isinstance(kinds, list) else list(Kind)
        limit = 10 if first is None else first
        rows = await records.search_records(info.context.session, info.context.loaders, search, wanted, limit)
        return [shown for row in rows if (shown := record(row))]

    @strawberry.field(description="Colleagues by name or e-mail address, in order of name: for pickers.")
    async def users(
        self,
        info: Info,
        search: Annotated[str | None, described(description="Words, or the beginnings of words.")] = UNSET,
        first: Annotated[int | None, described(description="How many to return.")] = 20,
    ) -> list[users.User]:
        """Find colleagues by words."""
        text, limit = search if isinstance(search, str) else "", 20 if first is None else first
        rows = await colleagues.search_colleagues(info.context.session, text, limit)
        return [shown for row in rows if (shown := users.user(row))]


def _node(row: InteractionRow | UserRow | LeadRow | ContactRow | AccountRow | None) -> Node | None:
    """Show whatever it is."""
    if isinstance(row, InteractionRow):
        return interaction(row)
    return users.user(row) if isinstance(row, UserRow) else record(row)
