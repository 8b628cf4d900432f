"""Contacts: people whom the organization does business with."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import any_, select

from db.records import person_name
from db.statements import Statement, compiled, of_tenant, uuids_argument
from db.tables import contacts

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from db.sessions import Session


class ContactRow(NamedTuple):
    """A contact."""

    id: UUID
    first_name: str | None
    last_name: str | None
    company: str | None
    email: str | None
    phone: str | None
    status: str | None
    owner_id: UUID | None

    @property
    def display_name(self) -> str:
        """The name to show; never empty."""
        return person_name(self.first_name, self.last_name, self.company, self.email) or "Unnamed contact"


COLUMNS = (
    contacts.c.id,
    contacts.c.first_name,
    contacts.c.last_name,
    contacts.c.company,
    contacts.c.email,
    contacts.c.phone,
    contacts.c.status,
    contacts.c.assigned_to,
)


async def by_ids(session: Session, ids: Sequence[UUID]) -> list[ContactRow]:
    """Return the contacts with these ids, in no order; ids of no contact are absent. 1 statement."""
    return [ContactRow(*row) for row in await session.rows(_by_ids(), ids=ids)]


@cache
def _by_ids() -> Statement:
    return compiled(select(*COLUMNS).where(of_tenant(contacts), contacts.c.id == any_(uuids_argument("ids"))))
