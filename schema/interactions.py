"""Interactions, as clients see them: the interface that tasks and activities share, and activities."""

from __future__ import annotations

from datetime import datetime
from enum import Enum
from operator import attrgetter
from typing import Annotated
from uuid import UUID

import strawberry

from db.interactions import InteractionRow
from db.records import RecordKind as Kind
from execution.relations import relation
from execution.stored import stored
from resolvers import links as linked
from resolvers.task_history import lost_links_of
from schema.context import Info
from schema.links import RecordKind, RecordLink, record_link
from schema.nodes import IDENTIFIER, Node
from schema.records import Account, Contact, Lead, account, contact, lead
from schema.users import User, user


@strawberry.enum(description="Sorts of interaction.")
class InteractionKind(Enum):
    """The stored words for interaction types; any other word is OTHER."""

    TASK = strawberry.enum_value("task", description="Something to be done.")
    CALL = strawberry.enum_value("call", description="A telephone call.")
    EMAIL = strawberry.enum_value("email", description="An e-mail.")
    MEETING = strawberry.enum_value("meeting", description="A meeting.")
    NOTE = strawberry.enum_value("note", description="A note.")
    SMS = strawberry.enum_value("sms", description="A text message.")
    WHATSAPP = strawberry.enum_value("whatsapp", description="A WhatsApp message.")
    OTHER = strawberry.enum_value("other", description="Any other sort.")

    @classmethod
    def _missing_(cls, _: object) -> InteractionKind:
        return cls.OTHER


def _id(value: UUID | None) -> str | None:
    return str(value) if value else None


@strawberry.interface(description="A call, an e-mail, a meeting, a note, a message or a task.")
class Interaction(Node):
    """What tasks and activities share."""

    row: strawberry.Private[InteractionRow]

    id: strawberry.ID = stored("row.id", made=str, description=IDENTIFIER)
    kind: InteractionKind = stored("row.kind", made=InteractionKind, description="What sort of interaction it is.")
    subject: str = stored(
        "row.subject", made=lambda subject: subject or "", description="The headline. Empty when nobody wrote one."
    )
    description: str | None = stored("row.description", description="The longer text.")
    outcome: str | None = stored("row.outcome", description="What came of it, in the words of whoever recorded it.")
    occurs_at: datetime = stored(
        "row.occurs_at",
        description="Where it stands on a timeline: when it was completed, else when due, else when recorded.",
    )
    lead_id: strawberry.ID | None = stored("row.lead_id", made=_id, description="The identifier of the linked lead.")
    contact_id: strawberry.ID | None = stored(
        "row.contact_id", made=_id, description="The identifier of the linked contact."
    )
    account_id: strawberry.ID | None = stored(
        "row.account_id", made=_id, description="The identifier of the linked account."
    )
    created_at: datetime | None = stored("row.created_at", description="When it was recorded.")
    updated_at: datetime | None = stored("row.updated_at", description="When it was last changed.")

    lead: Lead | None = relation(
        attrgetter("row.lead_id"),
        lambda context: context.loaders.leads_by_id,
        lead,
        description="The lead it is linked to, if any.",
    )
    contact: Contact | None = relation(
        attrgetter("row.contact_id"),
        lambda context: context.loaders.contacts_by_id,
        contact,
        description="The contact it is linked to, if any.",
    )
    account: Account | None = relation(
        attrgetter("row.account_id"),
        lambda context: context.loaders.accounts_by_id,
        account,
        description="The account it is linked to, if any.",
    )
    assignee: User | None = relation(
        attrgetter("row.assignee_id"),
        lambda context: context.loaders.users_by_id,
        user,
        description="The person who is to do it, or who did it.",
    )
    created_by: User | None = relation(
        attrgetter("row.created_by_id"),
        lambda context: context.loaders.users_by_id,
        user,
        description="The person who recorded it. Empty when a machine did.",
    )

    @strawberry.field(description="Every record it is linked to, in the order lead, contact, account.")
    async def links(
        self,
        info: Info,
        include_lost: Annotated[
            bool | None, strawberry.argument(description="Also list links to records that have been deleted since.")
        ] = False,
    ) -> list[RecordLink]:
        """Load the linked records, and perhaps what is known of those that are gone."""
        loaders = info.context.loaders
        found = [
            record_link(link.kind, link.record.id, link.record, name=None, lost_at=link.lost_at)
            for link in await linked.links_of(loaders, self.row)
            if include_lost or not link.lost_at
        ]
        if include_lost:
            gone = await lost_links_of(loaders, self.row)
            found += [record_link(Kind(g.kind), g.record_id, None, name=g.name, lost_at=g.lost_at) for g in gone]
        return sorted(found, key=lambda link: list(RecordKind).index(link.kind))


@strawberry.type(description="A call, an e-mail, a meeting, a note or a message. Read only.")
class Activity(Interaction):
    """Any interaction that is no task."""
