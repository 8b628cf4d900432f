"""Everything that can be watched: a table of contents."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated

import strawberry
from strawberry import UNSET

from db.live_events import LiveEvent, View
from db.task_filters import TaskFilter as Tasks
from errors import BadUserInput
from resolvers import resume_tokens
from resolvers.live_events import follow
from resolvers.timelines import timeline_of
from schema.context import MOST_AHEAD, Info
from schema.filters import TaskFilter
from schema.links import RecordRef
from schema.task_events import TaskEvent, task_event
from schema.timeline_events import TimelineEvent, timeline_event
from schema.timeline_filters import TimelineFilter
from schema.timelines import plain_timeline

described = strawberry.argument

Since = Annotated[str | None, described(description="Go on after this place: an event's cursor or a resumeToken.")]


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
        view = View(kind, id_, bool(include_related), filter.plain() if filter else Tasks())
        async with aclosing(_events(info, view, since)) as events:
            async for live in events:
                yield task_event(live.event, told_at=live.place, matches_filter=live.is_in_view)

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
                yield timeline_event(live.event, told_at=live.place, matches_filter=live.is_in_view)


async def _events(info: Info, view: View, since: str | None) -> AsyncGenerator[LiveEvent, None]:
    """Yield a view's events, each with a context in which what is shown of it is of now."""
    context = info.context
    if context.live is None:
        raise BadUserInput("Events can't be followed here. Subscribe over a WebSocket, by graphql-transport-ws.")
    place = resume_tokens.decode(since) if isinstance(since, str) else None
    await context.session.close()
    async with aclosing(follow(context.live, view, place)) as readings:
        async for events in readings:
            for number, event in enumerate(events):
                await context.renew([coming.event.task_id for coming in events[number : number + MOST_AHEAD]])
                yield event
