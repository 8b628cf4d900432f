"""Legacy CRMs of any size: made once on a server and kept, with cheap copies to measure on."""

from __future__ import annotations

import subprocess
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from db.embedded import EmbeddedServer

LEGACY = Path(__file__).parent.parent / "migrations" / "legacy"
OWNER, APP = "crm_owner", "crm_app"
# What a CRM's own server has at least. The demo's 64 MB don't hold 100,000 interactions with their indexes: there,
# a bench measures how PostgreSQL makes room, and how it writes whole pages after each of many checkpoints.
ROOM: Mapping[str, str] = MappingProxyType({"shared_buffers": "1GB", "max_wal_size": "4GB"})


@dataclass(frozen=True, slots=True)
class Crm:
    """A CRM's database, with an address for the owner and one for the application, which row security binds."""

    server: EmbeddedServer
    name: str

    @property
    def owner_url(self) -> str:
        """The address for migrations."""
        return self.server.url(self.name, OWNER, password=self.server.secret(OWNER))

    @property
    def open_owner_url(self) -> str:
        """The same without the password, for arguments, which everybody on the machine can read."""
        return self.server.url(self.name, OWNER)

    @property
    def app_url(self) -> str:
        """The address of the old application."""
        return self.server.url(self.name, APP, password=self.server.secret(APP))

    def psql(self, *arguments: str) -> str:
        """Run psql as the owner; rows as lines, columns divided by `|`. Raises CalledProcessError."""
        return _psql(self.server, self.owner_url, *arguments)

    def psql_as_admin(self, *arguments: str) -> str:
        """Run psql as the server's superuser; answers as `psql` does."""
        return _psql(self.server, self.server.url(self.name), *arguments)

    def largest_organization(self) -> UUID:
        """Return the tenant with the most leads."""
        return UUID(self.psql("-c", "SELECT organization_id FROM leads GROUP BY 1 ORDER BY count(*) DESC LIMIT 1"))


def legacy(server: EmbeddedServer, interactions: int) -> Crm:
    """Return an unmigrated CRM with so many interactions, 20 a lead; made on first use, a minute for each 100,000."""
    sizes = {"leads": 20, "contacts": 30, "accounts": 40}
    counts = {"interactions": interactions} | {name: max(60, interactions // per) for name, per in sizes.items()}

    def fill(crm: Crm) -> None:
        crm.psql("-f", str(LEGACY / "legacy_crm.sql"))
        crm.psql(
            *(word for name, count in counts.items() for word in ("-v", f"{name}={count}")),
            *("-f", str(LEGACY / "legacy_data.sql")),
        )

    return kept(server, f"legacy_{interactions}", fill)


def kept(server: EmbeddedServer, name: str, fill: Callable[[Crm], None]) -> Crm:
    """Return the database of this name, made and filled on first use; one that was left half filled is made anew.

    `fill` gets it empty, and makes the application's role if that is missing.
    """
    finished, unfinished = Crm(server, name), Crm(server, f"{name}_unfinished")
    if _has(server, "pg_database", "datname", finished.name):
        return finished
    admin = server.url()
    _psql(server, admin, "-c", f"DROP DATABASE IF EXISTS {unfinished.name} WITH (FORCE)")
    if not _has(server, "pg_roles", "rolname", OWNER):
        _psql(server, admin, "-c", f"CREATE ROLE {OWNER} LOGIN CREATEROLE PASSWORD '{server.secret(OWNER)}'")
    _psql(server, admin, "-c", f"CREATE DATABASE {unfinished.name} OWNER {OWNER}")
    fill(unfinished)
    _psql(server, admin, "-c", f"ALTER ROLE {APP} PASSWORD '{server.secret(APP)}'")
    unfinished.psql("-c", "VACUUM (ANALYZE)")
    _psql(server, admin, "-c", f"ALTER DATABASE {unfinished.name} RENAME TO {finished.name}")
    return finished


def drop_others(server: EmbeddedServer, of: str, but: str) -> None:
    """Drop the databases whose names begin with `of`, but for one."""
    sql = f"SELECT datname FROM pg_database WHERE starts_with(datname, '{of}') AND datname <> '{but}'"  # noqa: S608 - ours
    for name in _psql(server, server.url(), "-c", sql).splitlines():
        _psql(server, server.url(), "-c", f"DROP DATABASE {name} WITH (FORCE)")


@contextmanager
def copy(crm: Crm) -> Iterator[Crm]:
    """Yield a copy, and drop it with whatever is still connected to it."""
    made = Crm(crm.server, f"bench_{uuid4().hex[:12]}")
    admin = crm.server.url()
    _psql(crm.server, admin, "-c", f"CREATE DATABASE {made.name} TEMPLATE {crm.name} OWNER {OWNER} STRATEGY file_copy")
    try:
        yield made
    finally:
        _psql(crm.server, admin, "-c", f"DROP DATABASE {made.name} WITH (FORCE)")


def _has(server: EmbeddedServer, catalogue: str, column: str, name: str) -> bool:
    sql = f"SELECT 1 FROM {catalogue} WHERE {column} = '{name}'"  # noqa: S608 - names of our own
    return _psql(server, server.url(), "-c", sql) == "1"


def _psql(server: EmbeddedServer, url: str, *arguments: str) -> str:
    command = [str(server.bin_dir / "psql"), "-XqAt", "-v", "ON_ERROR_STOP=1", "-d", url, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return done.stdout.strip()
