"""A write that was acknowledged is there, and there once, whatever fails meanwhile."""

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from db.embedded import EmbeddedServer
from tests.conftest import versions
from tests.databases import CrmDatabase, fill_legacy, fill_migrated
from tests.organizations import new_organization
from tests.owners import owner_of
from tests.restarts import Served, own_postgres, served
from tests.writers import Writers

pytestmark = pytest.mark.slow

KILL_ONE = """
  SELECT pg_terminate_backend(pid) FROM pg_stat_activity
   WHERE application_name = 'taskline' AND datname = current_database() ORDER BY random() LIMIT 1"""
# What an answer may take when many tests share the machine.
PATIENCE = {f"TASKLINE_{name}_MS": "20000" for name in ("REQUEST_TIMEOUT", "STATEMENT_TIMEOUT", "POOL_WAIT")}


@contextmanager
def writing(home: Path, database: CrmDatabase) -> Iterator[tuple[Served, Writers]]:
    """Yield a server, and who will write there; at the end nothing may be lost, and nothing be there twice."""
    with served(home, database, **PATIENCE) as server:
        with owner_of(database) as owner:
            organization = new_organization(owner)
            writers = Writers(server.api, organization.viewer(), organization.contact())
        yield server, writers
    with owner_of(database) as owner:
        assert {"lost": 0, "duplicated": 0} == writers.faults(owner)
    assert len(writers.acknowledged) >= writers.count


# A connection of the pool is killed, again and again.


def killing(database: CrmDatabase, *, every_s: float, times: int) -> Callable[[], None]:
    def kill() -> None:
        with owner_of(database, is_superuser=True) as superuser:
            for _ in range(times):
                time.sleep(every_s)
                superuser.run(KILL_ONE)

    return kill


def test_killed_connections_lose_and_repeat_nothing(tmp_path: Path, database: CrmDatabase) -> None:
    with writing(tmp_path, database) as (_, writers):
        writers.during(killing(database, every_s=0.2, times=15))

        assert writers.acknowledged_share >= 0.95, writers.refused


@pytest.mark.long
@pytest.mark.parametrize("postgres", versions()[:1], indirect=True)  # one is enough for so long
def test_a_connection_killed_each_second_for_a_minute_loses_and_repeats_nothing(
    tmp_path: Path, database: CrmDatabase
) -> None:
    with writing(tmp_path, database) as (_, writers):
        writers.during(killing(database, every_s=1, times=60))

        assert writers.acknowledged_share >= 0.95, writers.refused


# The database or the server process is stopped, and started again.


@pytest.mark.long
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGQUIT], ids=["fast", "immediate"])
def test_a_restart_of_postgresql_loses_and_repeats_nothing(
    tmp_path: Path, postgres: EmbeddedServer, how: signal.Signals
) -> None:
    with own_postgres(tmp_path / "postgres", postgres.bin_dir) as own:
        fill_legacy(own.crm)
        fill_migrated(own.crm)
        with writing(tmp_path, own.crm) as (_, writers):

            def restart() -> None:
                writers.wait_for(2 * writers.count)
                own.stop(how)
                own.start()
                writers.wait_for(2 * writers.count)

            writers.during(restart)


@pytest.mark.long
@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_a_restart_of_the_server_loses_and_repeats_nothing(
    tmp_path: Path, database: CrmDatabase, how: signal.Signals
) -> None:
    with writing(tmp_path, database) as (server, writers):

        def restart() -> None:
            writers.wait_for(2 * writers.count)
            server.restart(how)
            writers.wait_for(2 * writers.count)

        writers.during(restart)
