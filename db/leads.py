"""Leads: people or companies that may become customers."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import any_, select
from sqlalchemy.dialects.postgresql import distinct_on

from db.records import person_name
from db.statements import Statement, compiled, of_tenant, uuids_argument
from db.tables import leads

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from db.sessions import Session


class LeadRow(NamedTuple):
    """A lead; `contact_id` is the contact that it was converted to."""

    id: UUID
    first_name: str | None
    last_name: str | None
    company: str | None
    email: str | None
    phone: str | None
    status: str | None
    owner_id: UUID | None
    contact_id: UUID | None

    @property
    def display_name(self) -> str:
        """The name to show; never empty."""
        return person_name(self.first_name, self.last_name, self.company, self.email) or "Unnamed lead"


COLUMNS = (
    leads.c.id,
    leads.c.first_name,
    leads.c.last_name,
    leads.c.company,
    leads.c.email,
    leads.c.phone,
    leads.c.status,
    leads.c.assigned_to,
    leads.c.linked_contact_id,
)


async def by_ids(session: Session, ids: Sequence[UUID]) -> list[LeadRow]:
    """Return the leads with these ids, in no order; ids of no lead are absent. 1 statement."""
    return [LeadRow(*row) for row in await session.rows(_by_ids(), ids=ids)]


async def latest_of_contacts(session: Session, contact_ids: Sequence[UUID]) -> list[LeadRow]:
    """Return for each contact the lead that was converted to it last; contacts without one are absent. 1 statement."""
    return [LeadRow(*row) for row in await session.rows(_latest_of_contacts(), contact_ids=contact_ids)]


@cache
def _by_ids() -> Statement:
    return compiled(select(*COLUMNS).where(of_tenant(leads), leads.c.id == any_(uuids_argument("ids"))))


@cache
def _latest_of_contacts() -> Statement:
    of_these = leads.c.linked_contact_id == any_(uuids_argument("contact_ids"))
    latest_first = (leads.c.linked_contact_id, leads.c.converted_date.desc().nulls_last(), leads.c.id)
    query = select(*COLUMNS).where(of_tenant(leads), of_these).order_by(*latest_first)
    return compiled(query.ext(distinct_on(leads.c.linked_contact_id)))
