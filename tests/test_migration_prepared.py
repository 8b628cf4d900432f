"""A driver that keeps SELECT * prepared, as asyncpg does, notices nothing of the migrations or of their rollbacks."""

import asyncio
from pathlib import Path

import asyncpg
import pytest

from tests.databases import CrmDatabase
from tests.migration_runs import LINKS, LINKS_BACK, ORDER, ORDER_BACK, Outcome, by_psql

pytestmark = pytest.mark.slow

READERS = 3


async def read_until(end: asyncio.Event, url: str) -> tuple[list[int], set[str]]:
    """Return the number of columns that each execution of one statement found, and the errors that there were."""
    connection = await asyncpg.connect(url)
    columns: list[int] = []
    errors: set[str] = set()
    try:
        while not end.is_set():
            try:
                row = await connection.fetchrow("SELECT * FROM lead_interactions LIMIT 1")
                columns.append(len(row or ()))
            except asyncpg.PostgresError as error:
                errors.add(f"{error.sqlstate}: {error}")
    finally:
        await connection.close()
    return columns, errors


async def read_while_running(
    database: CrmDatabase, files: list[Path]
) -> tuple[list[Outcome], list[tuple[list[int], set[str]]]]:
    end = asyncio.Event()
    reading = asyncio.gather(*(read_until(end, database.owner_url) for _ in range(READERS)))
    try:
        outcomes = [await asyncio.to_thread(by_psql, database, file) for file in files]
    finally:
        end.set()
        read = await reading
    return outcomes, read


def test_a_prepared_select_of_all_columns_never_fails(legacy_database: CrmDatabase) -> None:
    before = int(
        legacy_database.psql(
            "SELECT count(*) FROM pg_attribute WHERE attrelid = 'lead_interactions'::regclass AND attnum > 0"
        )
    )

    outcomes, read = asyncio.run(read_while_running(legacy_database, [LINKS, ORDER, ORDER_BACK, LINKS_BACK]))

    assert [0] * 4 == [outcome.code for outcome in outcomes], outcomes
    assert set() == set().union(*(errors for _, errors in read))
    changes = [[n for n, last in zip(columns, [0, *columns], strict=False) if n != last] for columns, _ in read]
    # two came, and went, at once; and between them one
    assert [[before, before + 2, before + 3, before + 2, before]] * READERS == changes
    assert all(len(columns) > 100 for columns, _ in read), [len(columns) for columns, _ in read]
