"""The fixtures give each test a database of its own."""

import asyncio

import asyncpg
import pytest

from tests.databases import LEGACY_SIZES, CrmDatabase


def test_a_legacy_database_holds_the_rows_and_no_migration(legacy_database: CrmDatabase) -> None:
    rows = legacy_database.psql("SELECT count(*) FROM lead_interactions", url=legacy_database.owner_url)
    links = legacy_database.psql(
        "SELECT count(*) FROM information_schema.columns WHERE table_name = 'lead_interactions' "
        "AND column_name IN ('contact_id', 'account_id')"
    )

    assert int(rows) >= LEGACY_SIZES["interactions"]
    assert links == "0"


@pytest.mark.parametrize("_", [1, 2])
def test_what_one_test_deletes_the_next_one_finds(legacy_database: CrmDatabase, _: int) -> None:
    deleted = legacy_database.psql(
        "WITH d AS (DELETE FROM lead_interactions RETURNING 1) SELECT count(*) >= 600 FROM d",
        url=legacy_database.owner_url,
    )

    assert deleted == "t"


def test_the_app_is_bound_by_row_security_and_logs_in_by_asyncpg(legacy_database: CrmDatabase) -> None:
    async def leads() -> tuple[int, int]:
        connection = await asyncpg.connect(legacy_database.app_url)
        try:
            organization = await connection.fetchval("SELECT gen_random_uuid()")
            await connection.execute("SELECT set_config('app.current_organization_id', $1, false)", str(organization))
            return (
                await connection.fetchval("SELECT count(*) FROM leads"),
                await connection.fetchval("SELECT rolbypassrls::int FROM pg_roles WHERE rolname = current_user"),
            )
        finally:
            await connection.close()

    assert asyncio.run(leads()) == (0, 0)


def test_a_migrated_database_has_both_links(database: CrmDatabase) -> None:
    links = database.psql(
        "SELECT count(*) FROM information_schema.columns WHERE table_name = 'lead_interactions' "
        "AND column_name IN ('contact_id', 'account_id')"
    )

    assert links == "2"
