"""Everything that can be watched: a table of contents, with the events of timelines."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import datetime
from typing import Annotated

import strawberry
from strawberry import UNSET

from db.live_events import LiveEvent, View
from db.task_events import TaskEventRow
from errors import BadUserInput
from resolvers import resume_tokens
from resolvers.live_events import follow
from resolvers.timelines import timeline_of
from schema.context import Info
from schema.filters import TaskFilter
from schema.interactions import Interaction
from schema.links import RecordLink, RecordRef
from schema.task_events import FieldChange, TaskEvent, TaskEventType, link_of, shown_changes, task_event
from schema.tasks import interaction
from schema.timeline_filters import TimelineFilter
from schema.timelines import plain_timeline
from schema.users import User, user

described = strawberry.argument

Since = Annotated[
    str | None, described(description="Go on after this place: an event's cursor or a timeline's resumeToken.")
]


@strawberry.type(description="Something that happened to an interaction of any kind.")
class TimelineEvent:
    """Something that happened to an interaction."""

    row: strawberry.Private[TaskEventRow]

    cursor: str = strawberry.field(description="Marks this place in the stream; give it as `since` to go on from here.")
    type: TaskEventType = strawberry.field(description="What happened.")
    at: datetime = strawberry.field(description="When it happened.")

    @strawberry.field(description="Who did it. Empty when unknown.")
    async def actor(self, info: Info) -> User | None:
        """Load the actor."""
        id_ = self.row.actor_id
        return user(await info.context.loaders.users_by_id.load(id_)) if id_ else None

    interaction_id: strawberry.ID = strawberry.field(description="The interaction's identifier.")

    @strawberry.field(description="The interaction as it is now. Empty when it is gone.")
    async def interaction(self, info: Info) -> Interaction | None:
        """Load the interaction."""
        found = await info.context.loaders.interactions_by_id.load(self.row.task_id)
        return interaction(found) if found else None

    @strawberry.field(description="The fields that changed.")
    async def changes(self, info: Info) -> list[FieldChange]:
        """Show the difference of before and after."""
        return await shown_changes(info, self.row)

    @strawberry.field(description="The link that was made, removed or lost.")
    async def link(self, info: Info) -> RecordLink | None:
        """Load the record, if it is still there, and else when it was lost."""
        return await link_of(info, self.row)

    matches_filter: bool = strawberry.field(
        description="False when the interaction has just left the view that you subscribed to."
    )
    client_mutation_id: str | None = strawberry.field(description="The text that the change came with.")


@strawberry.type(description="Everything that can be watched.")
class Subscription:
    """The root of all subscriptions."""

    @strawberry.subscription(description="What happens to tasks, as it happens.")
    async def task_events(
        self,
        info: Info,
        record: Annotated[RecordRef | None, described(description="Only tasks of this record.")] = UNSET,
        include_related: Annotated[
            bool | None, described(description="Also tasks of closely related records.")
        ] = False,
        filter: Annotated[
            TaskFilter | None,
            described(description="Only tasks that match; one that stops matching is reported once more."),
        ] = UNSET,
        since: Since = UNSET,
    ) -> AsyncGenerator[TaskEvent, None]:
        """Follow the tasks of a record, or all."""
        kind, id_ = record.target() if record else (None, None)
        related = bool(include_related)
        view = View(kind, id_, related, filter.plain()) if filter else View(kind, id_, related)
        async with aclosing(_events(info, view, since)) as events:
            async for live in events:
                yield task_event(live.event, cursor=resume_tokens.encode(live.place), matches_filter=live.is_in_view)

    @strawberry.subscription(
        description="What happens on one record's timeline, for every kind of interaction, as it happens."
    )
    async def timeline_events(
        self,
        info: Info,
        record: Annotated[RecordRef, described(description="Whose timeline.")],
        include_related: Annotated[
            bool | None, described(description="Also what hangs on closely related records.")
        ] = False,
        filter: Annotated[
            TimelineFilter | None,
            described(description="Only interactions that match; one that stops matching is reported once more."),
        ] = UNSET,
        since: Since = UNSET,
    ) -> AsyncGenerator[TimelineEvent, None]:
        """Follow a timeline."""
        kind, id_ = record.target()
        asked = plain_timeline(kind, include_related, filter)
        await timeline_of(info.context.loaders, asked, id_)
        view = View(kind, id_, asked.is_related_included, asked.filter)
        async with aclosing(_events(info, view, since)) as events:
            async for live in events:
                yield TimelineEvent(
                    row=live.event,
                    cursor=resume_tokens.encode(live.place),
                    type=TaskEventType(live.event.type),
                    at=live.event.at,
                    interaction_id=strawberry.ID(str(live.event.task_id)),
                    matches_filter=live.is_in_view,
                    client_mutation_id=live.event.client_mutation_id,
                )


async def _events(info: Info, view: View, since: str | None) -> AsyncGenerator[LiveEvent, None]:
    """Yield a view's events, each with a context of its own for what is shown of it."""
    context = info.context
    if context.live is None:
        raise BadUserInput("Events can't be followed here. Subscribe over a WebSocket, by graphql-transport-ws.")
    place = resume_tokens.decode(since) if isinstance(since, str) else None
    await context.session.close()
    async with aclosing(follow(context.live, view, place)) as events:
        async for event in events:
            context.renew()
            yield event
