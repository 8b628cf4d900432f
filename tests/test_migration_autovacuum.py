"""An autovacuum at work on a table gives way to a migration; without that, each short try would end before it does."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from db import embedded
from tests.conftest import PROGRAMS, versions
from tests.databases import CrmDatabase, fill_legacy
from tests.deadlines import eventually
from tests.migration_runs import BACK, FORWARD, by_psql

pytestmark = pytest.mark.slow

# A worker comes every second, is done after minutes, and never finds that there is nothing to do.
AT_WORK = """
ALTER TABLE {table} SET (autovacuum_vacuum_threshold = 0, autovacuum_vacuum_scale_factor = 0,
                         autovacuum_vacuum_cost_delay = 100, autovacuum_vacuum_cost_limit = 1);
ALTER TABLE {table} DISABLE TRIGGER USER;
UPDATE {table} SET id = id;
ALTER TABLE {table} ENABLE TRIGGER USER;
"""
IS_AT_WORK = "SELECT count(*) FROM pg_stat_progress_vacuum WHERE relid = '{table}'::regclass"


@pytest.fixture(params=versions())
def vacuumed(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[CrmDatabase]:
    """A legacy CRM on a server of its own, whose autovacuum never rests."""
    with embedded.start(tmp_path / "postgres", binaries=PROGRAMS[request.param], durable=False) as server:
        database = CrmDatabase(server, "vacuumed")
        fill_legacy(database)
        for setting in ("autovacuum_naptime = '1s'", "log_autovacuum_min_duration = 0"):
            database.psql(f"ALTER SYSTEM SET {setting}")
        database.psql("SELECT pg_reload_conf()")
        yield database


@pytest.mark.parametrize("table", ["lead_interactions", "contacts"])
def test_an_autovacuum_gives_way_to_each_migration(vacuumed: CrmDatabase, table: str) -> None:
    for file in (*FORWARD, *BACK):
        vacuumed.psql(AT_WORK.format(table=table))
        assert eventually(lambda: vacuumed.psql(IS_AT_WORK.format(table=table)) != "0")

        outcome = by_psql(vacuumed, file, taskline__lock_budget="20s")

        assert 0 == outcome.code, outcome.errors
