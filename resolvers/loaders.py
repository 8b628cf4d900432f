"""Dataloaders: whatever one level of an answer needs of a relation is asked for in one statement."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from strawberry.dataloader import DataLoader

from db import accounts, contacts, interactions, leads, users

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from uuid import UUID

    from db.engine import Session

Row = TypeVar("Row")


class Loaders:
    """One operation's dataloaders. Each loads a row by a key, or None when there is no such row."""

    def __init__(self, session: Session) -> None:
        self.users_by_id = _loader(session, users.by_ids, _id_of)
        self.leads_by_id = _loader(session, leads.by_ids, _id_of)
        self.contacts_by_id = _loader(session, contacts.by_ids, _id_of)
        self.accounts_by_id = _loader(session, accounts.by_ids, _id_of)
        """Loads deleted accounts too: what they left behind still shows their name."""
        self.interactions_by_id = _loader(session, interactions.by_ids, _id_of)
        self.leads_of_contact = _loader(session, leads.latest_of_contacts, lambda lead: lead.contact_id)


def _loader(
    session: Session,
    fetch: Callable[[Session, Sequence[UUID]], Awaitable[list[Row]]],
    key_of: Callable[[Row], UUID | None],
) -> DataLoader[UUID, Row | None]:
    async def load(keys: list[UUID]) -> list[Row | None]:
        found = {key_of(row): row for row in await fetch(session, keys)}
        return [found.get(key) for key in keys]

    return DataLoader(load_fn=load)


def _id_of(
    row: users.UserRow | leads.LeadRow | contacts.ContactRow | accounts.AccountRow | interactions.InteractionRow,
) -> UUID:
    return row.id
