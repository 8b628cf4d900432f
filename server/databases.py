"""The database that the settings name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from db.connection_room import connection_room
from db.engine import Address, Database
from errors import SettingsInvalid

if TYPE_CHECKING:
    from settings import Settings


def database_of(settings: Settings) -> Database:
    """Return the API's database, not opened yet. Raises SettingsInvalid when none is named."""
    if settings.database_url is None:
        raise SettingsInvalid(
            "DATABASE_URL is not set. Set it to the address of the API's role, "
            "or start with ./taskline serve, which brings a database of its own."
        )
    return Database(
        Address(
            settings.database_url.get_secret_value(),
            is_pooled=settings.is_pooled,
            listen_url=settings.listen_database_url.get_secret_value() if settings.listen_database_url else None,
        ),
        pool_size=settings.pool_size,
        pool_wait_ms=settings.pool_wait_ms,
        statement_timeout_ms=settings.statement_timeout_ms,
        lock_timeout_ms=settings.lock_timeout_ms,
        request_timeout_ms=settings.request_timeout_ms,
        allow_unbound_role=settings.allow_unbound_role,
    )


async def check(settings: Settings) -> int:
    """Connect once, so that what is wrong shows before anything is served; return the server's room for connections.

    Raises SettingsInvalid for an address that can't be read, DatabaseRefused for a role, password or name that the
    server refuses, UnboundRole for a role that row security doesn't bind, Unavailable when nobody answers.
    """
    database = database_of(settings)
    await database.open()
    try:
        return await connection_room(database)
    finally:
        await database.close()
