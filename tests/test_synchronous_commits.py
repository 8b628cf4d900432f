"""A change that waits for a synchronous standby is neither acknowledged nor shown before the standby has it."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from db import sessions
from db.embedded import EmbeddedServer
from tests.apis import api
from tests.databases import fill_legacy, fill_migrated
from tests.deadlines import eventually
from tests.organizations import new_organization
from tests.owners import Owner, owner_of
from tests.restarts import OwnPostgres, own_postgres

pytestmark = pytest.mark.slow

TASKS = "{ tasks { totalCount } }"
CREATE = """mutation ($contact: ID!, $key: String) {
  createTask(input: {subject: "Call", contactId: $contact, idempotencyKey: $key}) { task { subject } } }"""
WAITING = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"


def let_commits_wait(own: OwnPostgres, threads: ThreadPoolExecutor, somebody: Owner) -> None:
    """Let each commit wait for a standby that isn't there; from now on, as one of somebody's shows."""
    own.crm.psql("ALTER SYSTEM SET synchronous_standby_names = 'nobody'")
    own.crm.psql("SELECT pg_reload_conf()")

    def is_waiting() -> bool:
        commit = threads.submit(somebody.run, "UPDATE organizations SET name = name")
        return eventually(lambda: commit.done() or own.crm.psql(WAITING) == "1") and not commit.done()

    assert eventually(is_waiting)


def let_commits_go(own: OwnPostgres) -> None:
    own.crm.psql("ALTER SYSTEM RESET synchronous_standby_names")
    own.crm.psql("SELECT pg_reload_conf()")


@pytest.mark.parametrize("key", [None, "a key"])
def test_a_change_that_no_standby_has_is_neither_acknowledged_nor_shown(
    tmp_path: Path, postgres: EmbeddedServer, monkeypatch: pytest.MonkeyPatch, key: str | None
) -> None:
    monkeypatch.setitem(sessions.END_S, sessions.COMMIT, 0.5)
    with own_postgres(tmp_path, postgres.bin_dir) as own:
        fill_legacy(own.crm)
        fill_migrated(own.crm)
        with (
            owner_of(own.crm) as owner,
            api(database_url=own.crm.app_url, lock_timeout_ms=500) as running,
            ThreadPoolExecutor(1) as threads,
        ):
            organization = new_organization(owner)
            variables, viewer = {"contact": str(organization.contact()), "key": key}, organization.viewer()
            let_commits_wait(own, threads, owner)
            try:
                codes = running.codes(viewer, CREATE, **variables)
                shown = running.data(viewer, TASKS)["tasks"]["totalCount"]
            finally:
                let_commits_go(own)
            assert eventually(lambda: own.crm.psql(WAITING) == "0")
            saved = running.data(viewer, TASKS)["tasks"]["totalCount"]

    assert set(codes) <= {"UNAVAILABLE", "TIMEOUT"}
    assert codes
    assert (0, 1) == (shown, saved)
