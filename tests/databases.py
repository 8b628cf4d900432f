"""Real databases for tests: a legacy CRM built once per server as a template, and cheap copies of it."""

import asyncio
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from db.embedded import EmbeddedServer
from db.embedded_home import locked
from migrations.runner import apply

LEGACY = Path(__file__).parent.parent / "migrations" / "legacy"
LEGACY_SIZES = {"interactions": 600, "leads": 120, "contacts": 180, "accounts": 150}

OWNER = "crm_owner"
APP = "crm_app"
# Throw-away servers without a network address: the passwords only prove that passwords work.
OWNER_PASSWORD = "owner's password"
APP_PASSWORD = "app's password"


@dataclass(frozen=True, slots=True)
class CrmDatabase:
    """A CRM database and an address for each role that matters: superuser, owner, and one bound by row security."""

    server: EmbeddedServer
    name: str

    @property
    def superuser_url(self) -> str:
        return self.server.url(self.name)

    @property
    def owner_url(self) -> str:
        return self.server.url(self.name, OWNER, password=OWNER_PASSWORD)

    @property
    def app_url(self) -> str:
        return self.server.url(self.name, APP, password=APP_PASSWORD)

    def psql(self, sql: str, *, url: str | None = None) -> str:
        """Run SQL, as the superuser unless another address is given; rows as lines, columns divided by `|`."""
        return psql(self.server, url or self.superuser_url, "-c", sql)

    def close_to_connections(self) -> None:
        """Let nobody connect, and end the connections that there are: the database is away."""
        admin = self.server.url()
        self.psql(f"ALTER DATABASE {self.name} ALLOW_CONNECTIONS false", url=admin)
        # With a time to wait for, it returns when they have gone.
        gone = f"SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = '{self.name}'"
        self.psql(gone, url=admin)

    def open_to_connections(self) -> None:
        """Undo `close_to_connections`."""
        self.psql(f"ALTER DATABASE {self.name} ALLOW_CONNECTIONS true", url=self.server.url())


def psql(server: EmbeddedServer, url: str, *arguments: str) -> str:
    done = run_psql(server, url, "-v", "ON_ERROR_STOP=1", *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout.rstrip("\n")


def run_psql(server: EmbeddedServer, url: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run psql as it is by itself: it goes on after an error in a file."""
    command = [str(server.bin_dir / "psql"), "-XqAt", "-d", url, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def template(server: EmbeddedServer, name: str, lock: Path, fill: Callable[[CrmDatabase], None]) -> CrmDatabase:
    """Return the template of this name, built by the first process that wants it.

    It gets its name when it is whole, so that a killed test run leaves nothing that looks like one.
    """
    finished, unfinished = CrmDatabase(server, name), CrmDatabase(server, f"{name}_unfinished")
    with locked(lock):
        if not _exists(server, "pg_database", "datname", name):
            psql(server, server.url(), "-c", f"DROP DATABASE IF EXISTS {unfinished.name} WITH (FORCE)")
            fill(unfinished)
            psql(server, server.url(), "-c", f"ALTER DATABASE {unfinished.name} RENAME TO {name}")
    return finished


def fill_legacy(database: CrmDatabase) -> None:
    """Make the roles and the unmigrated CRM with few rows."""
    server, admin = database.server, database.server.url()
    if not _exists(server, "pg_roles", "rolname", OWNER):
        psql(server, admin, "-c", f"CREATE ROLE {OWNER} LOGIN CREATEDB CREATEROLE PASSWORD {_literal(OWNER_PASSWORD)}")
    psql(server, admin, "-c", f"CREATE DATABASE {database.name} OWNER {OWNER}")
    sizes = [argument for name, count in LEGACY_SIZES.items() for argument in ("-v", f"{name}={count}")]
    psql(server, database.owner_url, "-f", str(LEGACY / "legacy_crm.sql"))
    psql(server, database.owner_url, *sizes, "-f", str(LEGACY / "legacy_data.sql"))
    psql(server, admin, "-c", f"ALTER ROLE {APP} PASSWORD {_literal(APP_PASSWORD)}")


def fill_migrated(database: CrmDatabase) -> None:
    """Run all migrations on a copy of the legacy CRM."""
    # In a thread of its own: in a browser test an event loop runs in this one already.
    with ThreadPoolExecutor(1) as thread:
        migration = apply.up(database.owner_url, api_role=APP, say=lambda _: None)
        thread.submit(asyncio.run, migration).result()


def make_copy(source: CrmDatabase, name: str) -> CrmDatabase:
    # Copying files beats copying through the log as long as fsync is off: 30 ms against 42 for these 10 MB.
    sql = f"CREATE DATABASE {name} TEMPLATE {source.name} OWNER {OWNER} STRATEGY file_copy"
    psql(source.server, source.server.url(), "-c", sql)
    return CrmDatabase(source.server, name)


@contextmanager
def copy(source: CrmDatabase) -> Iterator[CrmDatabase]:
    """Yield a copy that is nobody else's, and drop it with whatever is still connected to it."""
    made = make_copy(source, f"crm_{uuid4().hex[:12]}")
    yield made
    psql(made.server, made.server.url(), "-c", f"DROP DATABASE {made.name} WITH (FORCE)")


def _exists(server: EmbeddedServer, catalogue: str, column: str, name: str) -> bool:
    return psql(server, server.url(), "-c", f"SELECT 1 FROM {catalogue} WHERE {column} = '{name}'") == "1"


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
