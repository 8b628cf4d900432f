"""Timeline events, as clients see them: what happened to an interaction of any kind."""

from __future__ import annotations

from datetime import datetime

import strawberry

from db.task_events import TaskEventRow
from schema.context import Info
from schema.interactions import Interaction
from schema.links import RecordLink
from schema.task_events import FieldChange, TaskEventType, actor_of, link_of, shown_changes
from schema.tasks import interaction
from schema.users import User


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
        return await actor_of(info, self.row)

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


def timeline_event(row: TaskEventRow, *, cursor: str, matches_filter: bool) -> TimelineEvent:
    """Show an event of an interaction."""
    return TimelineEvent(
        row=row,
        cursor=cursor,
        type=TaskEventType(row.type),
        at=row.at,
        interaction_id=strawberry.ID(str(row.task_id)),
        matches_filter=matches_filter,
        client_mutation_id=row.client_mutation_id,
    )
