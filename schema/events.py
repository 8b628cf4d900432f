"""Events, as clients see them: what all of them say, whatever they happened to."""

from __future__ import annotations

import asyncio
from datetime import datetime
from enum import Enum
from uuid import UUID

import strawberry

from db.accounts import AccountRow
from db.event_places import Place
from db.instants import EARLIEST, LATEST
from db.records import RecordKind as Kind
from db.task_events import LINK_LOST, TaskEventRow
from resolvers.links import linked_record
from resolvers.live_events import cursor_of
from resolvers.task_history import changes_of, links_lost_by
from schema.context import Info
from schema.interactions import InteractionKind
from schema.links import RecordLink, record_link
from schema.scalars import CANONICAL_UUID, printed
from schema.tasks import TaskPriority, TaskStatus
from schema.users import User, user

# The columns of `resolvers.task_history`, as Task names them.
_FIELDS = {
    "interaction_type": "kind",
    "scheduled_at": "dueAt",
    "completed_at": "completedAt",
    "lead_id": "leadId",
    "contact_id": "contactId",
    "account_id": "accountId",
    "user_id": "assignee",
    "created_at": "createdAt",
    "created_by": "createdBy",
    "deleted_at": "deletedAt",
}
_INSTANTS = {"scheduled_at", "completed_at", "created_at", "deleted_at"}
_PEOPLE = {"user_id", "created_by"}
_WORDS: dict[str, type[Enum]] = {"status": TaskStatus, "priority": TaskPriority, "interaction_type": InteractionKind}


@strawberry.enum(description="What can happen to a task.")
class TaskEventType(Enum):
    """The stored words for what happened."""

    CREATED = strawberry.enum_value("created", description="It was created.")
    UPDATED = strawberry.enum_value("updated", description="A field was changed.")
    ASSIGNED = strawberry.enum_value("assigned", description="It was given to somebody.")
    COMPLETED = strawberry.enum_value("completed", description="It was completed.")
    REOPENED = strawberry.enum_value("reopened", description="It was opened again.")
    CANCELLED = strawberry.enum_value("cancelled", description="It was called off.")
    LINKED = strawberry.enum_value("linked", description="A record was linked.")
    UNLINKED = strawberry.enum_value("unlinked", description="A link was removed.")
    LINK_LOST = strawberry.enum_value("link_lost", description="A linked record was deleted.")
    DELETED = strawberry.enum_value("deleted", description="It was deleted.")
    RESTORED = strawberry.enum_value("restored", description="It was brought back.")


@strawberry.type(description="A field before and after.")
class FieldChange:
    """A field before and after."""

    field: str = strawberry.field(description="The field's name, as in Task.")
    before: str | None = strawberry.field(description="Its value before.")
    after: str | None = strawberry.field(description="Its value after.")


@strawberry.type
class Event:
    """What all events say. It is no type of its own in the schema."""

    row: strawberry.Private[TaskEventRow]

    told_at: strawberry.Private[Place | None]
    """Its place for who was told of it live; absent where it was read from the log, whose lines are places as well."""

    @strawberry.field(description="Marks this place in the stream; give it as `since` to go on from here.")
    async def cursor(self, info: Info) -> str:
        """Make the cursor."""
        return await cursor_of(info.context.loaders, self.row, self.told_at)

    type: TaskEventType = strawberry.field(description="What happened.")
    at: datetime = strawberry.field(description="When it happened.")

    @strawberry.field(description="Who did it. Empty when unknown.")
    async def actor(self, info: Info) -> User | None:
        """Load the actor."""
        id_ = self.row.actor_id
        return user(await info.context.loaders.users_by_id.load(id_)) if id_ else None

    @strawberry.field(description="The fields that changed.")
    async def changes(self, info: Info) -> list[FieldChange]:
        """Show the difference of before and after."""
        differences = changes_of(self.row)
        shown = await asyncio.gather(
            *(_shown(info, column, value) for column, *values in differences for value in values)
        )
        pairs = zip(differences, shown[::2], shown[1::2], strict=True)
        return [FieldChange(field=_FIELDS.get(d[0], d[0]), before=b, after=a) for d, b, a in pairs if b != a]

    @strawberry.field(description="The link that was made, removed or lost.")
    async def link(self, info: Info) -> RecordLink | None:
        """Load the record, if it is still there, and else when it was lost."""
        return await _link_of(info, self.row)

    client_mutation_id: str | None = strawberry.field(description="The text that the change came with.")


async def _link_of(info: Info, event: TaskEventRow) -> RecordLink | None:
    """Show the link that an event made, removed or lost."""
    if event.record_kind is None or event.record_id is None:
        return None
    kind, loaders = Kind(event.record_kind), info.context.loaders
    row = await linked_record(loaders, kind, event.record_id)
    lost_at = row.deleted_at if isinstance(row, AccountRow) else None
    if row is None:
        lost_at = event.at if event.type == LINK_LOST else None
        if lost_at is None:
            lost = {link.record_id: link.lost_at for link in await links_lost_by(loaders, event.task_id)}
            lost_at = lost.get(event.record_id)
    return record_link(kind, event.record_id, row, name=event.record_name, lost_at=lost_at)


async def _shown(info: Info, column: str, value: object) -> str | None:
    """Show a stored value as the API shows the field; None where there was none."""
    if value is None:
        return None
    text = str(value)
    if column in _WORDS:
        return _WORDS[column](text).name
    if column in _INSTANTS:
        return _instant(text)
    if column in _PEOPLE and CANONICAL_UUID.fullmatch(text):
        person = await info.context.loaders.users_by_id.load(UUID(text))
        return person.display_name if person else text
    return text


def _instant(text: str) -> str:
    """Show an instant as the API does; of those that Python can't hold the nearest, and what is none as it stands."""
    if text in {"infinity", "-infinity"}:
        return printed(EARLIEST if text.startswith("-") else LATEST)
    try:
        instant = datetime.fromisoformat(text)
        return printed(instant) if instant.tzinfo else text
    except (ValueError, OverflowError):
        return text
