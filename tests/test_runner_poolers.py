"""Behind the real PgBouncer: a pool that shares server processes is refused, a pool that gives one for good works."""

import asyncio

import asyncpg
import pytest

from errors import (
    MigrationRefused,
    MigrationServerUnreachable,
    MigrationSignInRefused,
    MigrationTargetUnknown,
    TasklineError,
)
from migrations.runner import apply, status
from migrations.runner.poolers import refuse_pooling
from tests.databases import CrmDatabase
from tests.migration_runs import VERSIONS, schema_dump
from tests.poolers import pooler

pytestmark = pytest.mark.slow


def refusal(url: str, *, version: int | None = None) -> TasklineError:
    with pytest.raises(TasklineError) as caught:
        asyncio.run(apply.rollback(url, version, say=print) if version else apply.up(url, say=print))
    return caught.value


@pytest.mark.parametrize("mode", ["transaction", "statement"])
@pytest.mark.parametrize("settings", [{}, {"server_round_robin": 1}, {"default_pool_size": 1}], ids=str)
def test_a_pool_that_shares_processes_is_refused_before_anything_is_done(
    legacy_database: CrmDatabase, mode: str, settings: dict[str, int]
) -> None:
    before = schema_dump(legacy_database)

    with pooler(legacy_database, mode, **settings) as running:
        refused = [refusal(running.url()), refusal(running.url(), version=42)]

    assert [MigrationRefused, MigrationRefused] == [type(each) for each in refused]
    assert all(
        f"may run each {mode} in another server process (PgBouncer: pool_mode={mode})" in str(r) for r in refused
    )
    assert all("Give the address of the PostgreSQL server itself, or of a pool with" in str(r) for r in refused)
    assert before == schema_dump(legacy_database)
    assert "t" == legacy_database.psql("SELECT to_regclass('taskline_migrations') IS NULL")


@pytest.mark.parametrize("settings", [{}, {"server_round_robin": 1}, {"default_pool_size": 1}], ids=str)
def test_a_pool_that_gives_a_process_for_good_works(legacy_database: CrmDatabase, settings: dict[str, int]) -> None:
    with pooler(legacy_database, "session", **settings) as running:
        run = asyncio.run(apply.up(running.url(), say=print))
        checks = asyncio.run(status.verify(running.url(), print))

    assert VERSIONS == [entry.version for entry in run.entries]
    assert all(check.is_met for check in checks)


def test_a_pool_in_transaction_mode_is_good_enough_to_read(database: CrmDatabase) -> None:
    with pooler(database, "transaction", default_pool_size=1) as running:
        checks = asyncio.run(status.verify(running.url(), print))
        standings = asyncio.run(status.standings(running.url(), print))

    assert all(check.is_met for check in checks)
    assert all(standing.is_in_place for standing in standings)


def test_a_pool_in_statement_mode_is_named_when_reading(database: CrmDatabase) -> None:
    with pooler(database, "statement") as running, pytest.raises(MigrationRefused, match="pool_mode=statement"):
        asyncio.run(status.verify(running.url(), print))


@pytest.mark.parametrize("mode", ["transaction", "session"])
@pytest.mark.parametrize("settings", [{}, {"server_round_robin": 1}, {"default_pool_size": 3}], ids=str)
def test_the_mode_is_told_whatever_others_do_with_the_pool(
    legacy_database: CrmDatabase, mode: str, settings: dict[str, int]
) -> None:
    async def work(connection: asyncpg.Connection) -> None:
        while True:
            await connection.execute("BEGIN; SELECT pg_sleep(0.002); COMMIT")

    async def verdicts(url: str) -> set[str]:
        others = [await asyncpg.connect(url) for _ in range(2)]
        working = [asyncio.create_task(work(other)) for other in others]
        found = set()
        for _ in range(10):
            mine = await asyncpg.connect(url)
            try:
                await refuse_pooling(mine, url)
                found.add("session")
            except MigrationRefused:
                found.add("transaction")
            finally:
                mine.terminate()
        for task in working:
            task.cancel()
        await asyncio.gather(*working, return_exceptions=True)
        for other in others:
            other.terminate()
        return found

    with pooler(legacy_database, mode, **settings) as running:
        assert {mode} == asyncio.run(verdicts(running.url()))


def test_without_a_pooler_it_costs_one_statement(legacy_database: CrmDatabase) -> None:
    count = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"

    async def look() -> tuple[int, int]:
        connection = await asyncpg.connect(legacy_database.owner_url)
        before = await connection.fetchval(count)
        await refuse_pooling(connection, legacy_database.owner_url)
        after = await connection.fetchval(count)
        await connection.close()
        return before, after

    assert (0, 0) == asyncio.run(look())


@pytest.mark.parametrize(
    ("change", "kind", "words"),
    [
        ({"password": "wrong"}, MigrationSignInRefused, "refuses the user or password"),
        ({"user": "nobody"}, MigrationSignInRefused, "refuses the user or password"),
        ({"database": "nosuch"}, MigrationSignInRefused, "Check the database's name in the address"),
    ],
    ids=str,
)
def test_what_a_pooler_refuses_has_words_of_its_own(
    legacy_database: CrmDatabase, change: dict[str, str], kind: type[TasklineError], words: str
) -> None:
    with pooler(legacy_database, "session") as running:
        refused = refusal(running.url(**change))

    assert kind is type(refused)
    assert words in str(refused)


def test_a_setting_that_a_pooler_does_not_take_is_named(legacy_database: CrmDatabase) -> None:
    with pooler(legacy_database, "session") as running:
        refused = refusal(f"{running.url()}&search_path=public")

    assert isinstance(refused, MigrationTargetUnknown)
    assert "unsupported startup parameter: search_path. Take it out of the address" in str(refused)


@pytest.mark.parametrize("places", [0, 1])
def test_a_full_pooler_is_named(legacy_database: CrmDatabase, places: int) -> None:
    async def up_beside_another(url: str) -> None:
        held = await asyncpg.connect(url)
        try:
            await apply.up(url, say=print)
        finally:
            held.terminate()

    with (
        pooler(legacy_database, "session", max_client_conn=1 + places) as running,
        pytest.raises(MigrationServerUnreachable, match=r"no connection left: no more connections allowed") as refused,
    ):
        asyncio.run(up_beside_another(running.url()))

    assert (places == 1) == ("can't be tried, because it admits no second connection" in str(refused.value))
