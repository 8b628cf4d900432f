"""A database whose encoding lacks the characters of the migrations is refused before anything is done there."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

import pytest

from db.embedded import EmbeddedServer
from errors import MigrationRefused
from migrations.plan import plans
from migrations.runner import apply, status
from tests.databases import OWNER, CrmDatabase, psql
from tests.migration_runs import FOLDER, by_psql, by_runner

pytestmark = pytest.mark.slow

BASELINE = FOLDER / "040_legacy_baseline.sql"


@contextmanager
def crm_in(encoding: str, server: EmbeddedServer) -> Iterator[CrmDatabase]:
    """Yield an unmigrated CRM without rows in this encoding."""
    made = CrmDatabase(server, f"crm_{uuid4().hex[:12]}")
    locale = "TEMPLATE template0 LOCALE_PROVIDER libc LOCALE 'C'"
    psql(server, server.url(), "-c", f"CREATE DATABASE {made.name} OWNER {OWNER} ENCODING '{encoding}' {locale}")
    assert 0 == by_psql(made, BASELINE).code
    yield made
    psql(server, server.url(), "-c", f"DROP DATABASE {made.name} WITH (FORCE)")


@pytest.mark.usefixtures("legacy_template")  # which makes the roles
@pytest.mark.parametrize("encoding", ["LATIN1", "WIN1252", "EUC_JP"])
def test_an_encoding_without_our_characters_is_named_and_nothing_is_done(
    postgres: EmbeddedServer, encoding: str
) -> None:
    with crm_in(encoding, postgres) as crm:
        for work in (
            apply.up(crm.owner_url, say=print),
            apply.rollback(crm.owner_url, 42, say=print),
            plans.plan(crm.owner_url),
        ):
            with pytest.raises(MigrationRefused, match=rf"database {crm.name} has the encoding {encoding}") as refused:
                asyncio.run(work)
            assert "Nothing was changed. Move it to one in UTF8: pg_dump" in str(refused.value)
        standings = asyncio.run(status.standings(crm.owner_url, print))

        assert "t" == crm.psql("SELECT to_regclass('taskline_migrations') IS NULL")

    assert ["in place, not recorded", *["not in place"] * 7] == [standing.words for standing in standings]


@pytest.mark.usefixtures("legacy_template")
def test_a_database_that_takes_any_bytes_is_migrated(postgres: EmbeddedServer) -> None:
    with crm_in("SQL_ASCII", postgres) as crm:
        by_runner(crm)

        assert all(check.is_met for check in asyncio.run(status.verify(crm.owner_url, print)))
