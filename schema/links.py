"""Links: what an interaction can hang on, and how clients name a record."""

from __future__ import annotations

from datetime import datetime
from enum import Enum
from uuid import UUID

import strawberry
from graphql import GraphQLOneOfDirective
from strawberry import schema_directives
from strawberry.schema_directive import Location, schema_directive

from db.accounts import AccountRow
from db.contacts import ContactRow
from db.leads import LeadRow
from db.records import RecordKind as Kind
from errors import BadUserInput
from schema.crm_records import CrmRecord
from schema.records import record
from schema.scalars import to_uuid


@strawberry.enum(description="What a task can be linked to.")
class RecordKind(Enum):
    """The kinds of `db.records`, in users' words."""

    LEAD = strawberry.enum_value(Kind.LEAD, description="A lead.")
    CONTACT = strawberry.enum_value(Kind.CONTACT, description="A contact.")
    ACCOUNT = strawberry.enum_value(Kind.ACCOUNT, description="An account.")


@strawberry.enum(description="Whether a link still leads anywhere.")
class LinkState(Enum):
    """Whether a link leads anywhere."""

    LINKED = strawberry.enum_value("linked", description="The record is there.")
    LOST = strawberry.enum_value("lost", description="The record has been deleted; only its name is kept.")


@strawberry.type(description="A link from an interaction to a record.")
class RecordLink:
    """A link from an interaction to a record."""

    kind: RecordKind = strawberry.field(description="Whether it leads to a lead, a contact or an account.")
    state: LinkState = strawberry.field(description="Whether the record is still there.")
    record_id: strawberry.ID = strawberry.field(description="The record's identifier, kept after the record is gone.")
    label: str = strawberry.field(description="The record's name, kept after the record is gone.")
    record: CrmRecord | None = strawberry.field(description="The record itself. Empty once it is lost.")
    lost_at: datetime | None = strawberry.field(description="When the record was deleted.")


def record_link(
    kind: Kind, id_: UUID, row: LeadRow | ContactRow | AccountRow | None, *, name: str | None, lost_at: datetime | None
) -> RecordLink:
    """Show a link; without a row, or with an instant, it is lost. `name` comes before the row's own."""
    return RecordLink(
        kind=RecordKind(kind),
        state=LinkState.LOST if row is None or lost_at else LinkState.LINKED,
        record_id=strawberry.ID(str(id_)),
        label=name or (row.display_name if row else f"Deleted {kind.value}"),
        record=record(row) if row else None,
        lost_at=lost_at,
    )


@schema_directive(
    locations=[Location.INPUT_OBJECT],
    name="oneOf",
    # GraphQL's own words: Strawberry's directive prints none, and takes no other.
    description=GraphQLOneOfDirective.description,
)
class OneOf(schema_directives.OneOf):
    """Exactly one field of the input may be given."""


@strawberry.input(description="Exactly one lead, contact or account.", directives=[OneOf()])
class RecordRef:
    """Exactly one record."""

    lead_id: strawberry.ID | None = strawberry.field(default=strawberry.UNSET, description="A lead.")
    contact_id: strawberry.ID | None = strawberry.field(default=strawberry.UNSET, description="A contact.")
    account_id: strawberry.ID | None = strawberry.field(default=strawberry.UNSET, description="An account.")

    def target(self) -> tuple[Kind, UUID]:
        """Return kind and id. Raises BadUserInput when the id is none."""
        for kind, name, value in (
            (Kind.LEAD, "leadId", self.lead_id),
            (Kind.CONTACT, "contactId", self.contact_id),
            (Kind.ACCOUNT, "accountId", self.account_id),
        ):
            if isinstance(value, str):
                return kind, to_uuid(value, name)
        raise BadUserInput("No record is named. Give one of leadId, contactId and accountId.")
