"""Timeline events, as clients see them: what happened to an interaction of any kind."""

from __future__ import annotations

import strawberry

from db.event_places import Place
from db.task_events import TaskEventRow
from schema.context import Info
from schema.events import Event, TaskEventType
from schema.interactions import Interaction
from schema.tasks import interaction


@strawberry.type(description="Something that happened to an interaction of any kind.")
class TimelineEvent(Event):
    """Something that happened to an interaction."""

    interaction_id: strawberry.ID = strawberry.field(description="The interaction's identifier.")

    @strawberry.field(description="The interaction as it is now. Empty when it is gone.")
    async def interaction(self, info: Info) -> Interaction | None:
        """Load the interaction."""
        found = await info.context.loaders.interactions_by_id.load(self.row.task_id)
        return interaction(found) if found else None

    matches_filter: bool = strawberry.field(
        description="False when the interaction has just left the view that you subscribed to."
    )


def timeline_event(row: TaskEventRow, *, told_at: Place, matches_filter: bool) -> TimelineEvent:
    """Show an event of an interaction."""
    return TimelineEvent(
        row=row,
        told_at=told_at,
        type=TaskEventType(row.type),
        at=row.at,
        interaction_id=strawberry.ID(str(row.task_id)),
        matches_filter=matches_filter,
        client_mutation_id=row.client_mutation_id,
    )
