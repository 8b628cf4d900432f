"""Reading a database's stream of events as the API's role does, from a place on."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from db.engine import Address, Database
from db.event_places import Place, current_place
from db.live_events import View, read
from db.sessions import Session
from tests.databases import CrmDatabase
from tests.organizations import Organization


@asynccontextmanager
async def sessions(crm: CrmDatabase, organization: Organization) -> AsyncIterator[Callable[[], Session]]:
    """Yield what makes sessions of the API's role for an organization."""
    database = Database(
        Address(crm.app_url),
        pool_size=2,
        pool_wait_ms=10_000,
        statement_timeout_ms=30_000,
        lock_timeout_ms=10_000,
        request_timeout_ms=30_000,
    )
    await database.open()
    try:
        yield lambda: database.session(organization.id)
    finally:
        await database.close()


async def place_in(crm: CrmDatabase, organization: Organization) -> Place:
    async with sessions(crm, organization) as session, session() as one:
        return await current_place(one)


async def subjects_after(crm: CrmDatabase, organization: Organization, place: Place) -> tuple[list[object], Place]:
    """Read all that comes after a place; return the subjects, and the place after them."""
    found: list[object] = []
    async with sessions(crm, organization) as session:
        while True:
            async with session() as one:
                reading = await read(one, place, View())
            found += [(event.event.after or {}).get("subject", event.event.type) for event in reading.events]
            place = reading.place
            if not reading.has_more:
                return found, place


def after(crm: CrmDatabase, organization: Organization, place: Place) -> list[object]:
    return asyncio.run(subjects_after(crm, organization, place))[0]
