"""A CRM database on the embedded server: made, filled with an invented legacy CRM, and read for the demo's people."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from uuid import UUID

from errors import DatabaseNotMade

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from db.embedded import EmbeddedServer

PEOPLE = """
SELECT DISTINCT ON (u.role) u.role, u.id, u.organization_id, concat_ws(' ', u.first_name, u.last_name)
  FROM users u JOIN organizations o ON o.id = u.organization_id
 WHERE o.slug = 'tenant-1' AND u.is_active AND u.role IN ('admin', 'user', 'viewer') ORDER BY u.role, u.email"""


@dataclass(frozen=True, slots=True)
class DemoPerson:
    """Somebody whom the demo lets people be."""

    role: str
    user_id: UUID
    organization_id: UUID
    display_name: str


@dataclass(frozen=True, slots=True)
class EmbeddedCrm:
    """A database on the embedded server, with the addresses of its owner and of the API's role."""

    server: EmbeddedServer
    name: str
    way_out: str
    """What to do when it can't be made; a sentence without its full stop."""
    roles_of: str = ""
    """The database whose roles it has; its own when left out."""

    @property
    def owner(self) -> str:
        """The role that owns the database and runs migrations."""
        return f"{self.roles_of or self.name}_owner"

    @property
    def api_role(self) -> str:
        """The role of the API."""
        return f"{self.roles_of or self.name}_api"

    @property
    def owner_url(self) -> str:
        """The address for migrations."""
        return self._url(self.owner)

    @property
    def api_url(self) -> str:
        """The address for the API, bound by row security."""
        return self._url(self.api_role)

    def exists(self) -> bool:
        """Tell whether the server has a database of this name."""
        return self._has("pg_database", "datname", self.name)

    def create(self) -> None:
        """Make the database anew, empty, and its two roles when they are missing."""
        admin = self.server.url()
        self.drop()
        self._make_role(self.owner, by=admin, can="CREATEROLE")
        self._psql(admin, f"CREATE DATABASE {self.name} OWNER {self.owner}")
        self.make_roles()

    def drop(self) -> None:
        """Drop the database, if it is there, whoever uses it."""
        self._psql(self.server.url(), f"DROP DATABASE IF EXISTS {self.name} WITH (FORCE)")

    def analyze(self) -> None:
        """Let PostgreSQL count what is there, for its plans."""
        self._psql(self.server.url(self.name), "ANALYZE")

    def take_the_place_of(self, other: EmbeddedCrm) -> None:
        """Take another database's name, and drop that one. Raises DatabaseNotMade while somebody uses it."""
        admin, before = self.server.url(), replace(other, name=f"{other.name}_before", roles_of=other.name)
        before.drop()
        aside = f"ALTER DATABASE {other.name} RENAME TO {before.name}; " if other.exists() else ""
        self._psql(admin, f"{aside}ALTER DATABASE {self.name} RENAME TO {other.name}")  # one transaction
        before.drop()

    def is_in_use(self) -> bool:
        """Tell whether somebody is connected to it."""
        return self._has("pg_stat_activity", "datname", self.name)

    def make_roles(self) -> None:
        """Make those roles of an existing database that are missing."""
        self._make_role(self.owner, by=self.server.url(), can="CREATEROLE")
        # The owner makes the API's role, so that its migrations may grant to it.
        self._make_role(self.api_role, by=self.owner_url, can="")

    def load_legacy(self, folder: Path, interactions: int, now: datetime) -> None:
        """Make a CRM as it was before tasks could hang on contacts and accounts; its dates lie around `now`."""
        variables = {"interactions": str(interactions), "anchor": now.isoformat(timespec="seconds")}
        self._psql_file(self.owner_url, folder / "legacy_crm.sql")
        self._psql_file(self.owner_url, folder / "legacy_data.sql", variables)
        # The API's role has what the old application's has, so that each migration can be tried as it.
        self._psql(self.owner_url, f"GRANT crm_app TO {self.api_role}")

    def load_linked_tasks(self, folder: Path) -> None:
        """Add tasks of contacts and accounts, which only a migrated database can hold."""
        self._psql_file(self.owner_url, folder / "linked_tasks.sql")

    def _url(self, role: str) -> str:
        return self.server.url(self.name, role, password=self.server.secret(role))

    def _has(self, catalogue: str, column: str, name: str) -> bool:
        return self._psql(self.server.url(), f"SELECT 1 FROM {catalogue} WHERE {column} = '{name}' LIMIT 1") == "1"

    def _make_role(self, role: str, *, by: str, can: str) -> None:
        if not self._has("pg_roles", "rolname", role):
            self._psql(by, f"CREATE ROLE {role} LOGIN {can} PASSWORD '{self.server.secret(role)}'")

    def people(self) -> list[DemoPerson]:
        """Return one colleague of each role in the largest organization."""
        lines = self._psql(self.owner_url, PEOPLE).splitlines()
        found = (line.split("|") for line in lines)
        return [DemoPerson(role, UUID(id_), UUID(organization), name) for role, id_, organization, name in found]

    def _psql(self, url: str, sql: str) -> str:
        return self._run(url, ["-c", sql])

    def _psql_file(self, url: str, path: Path, variables: dict[str, str] | None = None) -> None:
        named = [part for name, value in (variables or {}).items() for part in ("-v", f"{name}={value}")]
        self._run(url, [*named, "-f", str(path)])

    def _run(self, url: str, arguments: list[str]) -> str:
        # The password stands in the process list for a moment; the socket's folder lets nobody else use it.
        command = [str(self.server.bin_dir / "psql"), "-XqAt", "-v", "ON_ERROR_STOP=1", "-d", url, *arguments]
        # Ctrl-C in the terminal is for us, and we end it; by itself it would complain first.
        done = subprocess.run(command, capture_output=True, text=True, check=False, start_new_session=True)
        if done.returncode:
            reason = " ".join(done.stderr.split())
            raise DatabaseNotMade(f"The database {self.name} could not be made ready: {reason} {self.way_out}.")
        return done.stdout.strip()
