"""What an interaction hangs on, and what of it has been lost."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from itertools import chain, combinations
from typing import TYPE_CHECKING

from db.accounts import AccountRow
from db.records import RecordKind

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from db.contacts import ContactRow
    from db.interactions import InteractionRow
    from db.leads import LeadRow
    from resolvers.loaders import Loaders

Kinds = tuple[RecordKind, ...]

EVERY_COMBINATION: tuple[Kinds, ...] = tuple(
    chain.from_iterable(combinations(RecordKind, size) for size in range(len(RecordKind) + 1))
)
"""The kinds of record that an interaction can be linked to together, none at all first."""


@dataclass(frozen=True, slots=True)
class Link:
    """A link to a record; `lost_at` says when the record was deleted, if it was."""

    kind: RecordKind
    record: LeadRow | ContactRow | AccountRow
    lost_at: datetime | None = None


async def links_of(loaders: Loaders, row: InteractionRow) -> list[Link]:
    """Return an interaction's links in the order lead, contact, account, lost ones too. At most 3 statements."""

    async def nothing() -> None:
        return None

    found = await asyncio.gather(
        loaders.leads_by_id.load(row.lead_id) if row.lead_id else nothing(),
        loaders.contacts_by_id.load(row.contact_id) if row.contact_id else nothing(),
        loaders.accounts_by_id.load(row.account_id) if row.account_id else nothing(),
    )
    return [
        Link(kind, record, record.deleted_at if isinstance(record, AccountRow) else None)
        for kind, record in zip(RecordKind, found, strict=True)
        if record is not None
    ]


async def linked_record(loaders: Loaders, kind: RecordKind, id_: UUID) -> LeadRow | ContactRow | AccountRow | None:
    """Return a record that something is or was linked to, a deleted account too; None when it is gone. 1 statement."""
    match kind:
        case RecordKind.LEAD:
            return await loaders.leads_by_id.load(id_)
        case RecordKind.CONTACT:
            return await loaders.contacts_by_id.load(id_)
        case RecordKind.ACCOUNT:
            return await loaders.accounts_by_id.load(id_)


async def is_orphan(loaders: Loaders, row: InteractionRow) -> bool:
    """Tell whether no linked record is left. No statement for a row with a lead or a contact, which keys keep true."""
    if row.lead_id or row.contact_id:
        return False
    return all(link.lost_at for link in await links_of(loaders, row))


@dataclass(frozen=True, slots=True)
class LinkedPair:
    """The contact and the account that a task links, or would link."""

    contact_id: UUID | None
    account_id: UUID | None


@dataclass(frozen=True, slots=True)
class Mismatch:
    """A task's contact, and its account, which belongs to another one."""

    contact: ContactRow
    account: AccountRow

    @property
    def message(self) -> str:
        """What doesn't fit, for people."""
        return (
            f"The account {self.account.display_name} doesn't belong to the contact {self.contact.display_name}, but "
            "to another one. Link that one or another account, or leave it if it is meant."
        )


async def mismatch_of(loaders: Loaders, pair: LinkedPair) -> Mismatch | None:
    """Return the contact and the account of a task if they don't belong together. At most 2 statements.

    A lost account doesn't count, and without both links there is no statement.
    """
    if not (pair.contact_id and pair.account_id):
        return None
    contact, account = await asyncio.gather(
        loaders.contacts_by_id.load(pair.contact_id), loaders.accounts_by_id.load(pair.account_id)
    )
    if not contact or not account or account.deleted_at or account.contact_id == contact.id:
        return None
    return Mismatch(contact, account)
