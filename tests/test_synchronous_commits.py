"""A change that waits for a synchronous standby is neither acknowledged nor shown before the standby has it."""

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from db import sessions
from db.embedded import EmbeddedServer
from tests.apis import api
from tests.databases import APP
from tests.deadlines import eventually
from tests.organizations import new_organization
from tests.owners import Owner, owner_of
from tests.restarts import OwnPostgres, own_crm

pytestmark = pytest.mark.slow

TASKS = "{ tasks { totalCount } }"
CREATE = """mutation ($contact: ID!, $key: String) {
  createTask(input: {subject: "Call", contactId: $contact, idempotencyKey: $key}) { task { subject } } }"""
# One waits for the standby, and others for its lock: a commit that notifies takes its turn.
LEFT = f"SELECT count(*) FROM pg_stat_activity WHERE usename = '{APP}' AND query = 'COMMIT' AND state = 'active'"
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
    with (
        own_crm(tmp_path, postgres.bin_dir) as own,
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


def test_changes_that_cant_be_saved_are_refused_and_pile_up_nowhere(
    tmp_path: Path, postgres: EmbeddedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sessions.END_S, sessions.COMMIT, 1.5)
    with (
        own_crm(tmp_path, postgres.bin_dir) as own,
        owner_of(own.crm) as owner,
        api(database_url=own.crm.app_url, pool_size=4, lock_timeout_ms=30_000) as running,
        ThreadPoolExecutor(1) as threads,
        ThreadPoolExecutor(8) as clients,
    ):
        organization = new_organization(owner)
        contact, viewer = str(organization.contact()), organization.viewer()

        def change(_: object = None) -> list[str]:
            return running.codes(viewer, CREATE, contact=contact)

        let_commits_wait(own, threads, owner)
        try:
            codes = [*clients.map(change, range(20))]
            ends_at = time.monotonic() + 4  # in which as many would be given up as there are connections
            while time.monotonic() < ends_at:
                codes += clients.map(change, range(8))
            refused = running.ask(CREATE, {"contact": contact}, viewer=viewer)
            ready = running.client.get("/readyz")
            waiting = int(own.crm.psql(LEFT))
            shown = running.data(viewer, TASKS)["tasks"]["totalCount"]
        finally:
            let_commits_go(own)
        is_back = eventually(lambda: not change())
        is_ready = eventually(lambda: running.client.get("/readyz").json() == {"status": "ready"})
        saved = running.data(viewer, TASKS)["tasks"]["totalCount"]

    assert {("UNAVAILABLE",)} == set(map(tuple, codes))
    assert (503, "2") == (refused.status_code, refused.headers["retry-after"])
    assert (200, "read-only") == (ready.status_code, ready.json()["status"])
    assert "synchronous standby" in ready.json()["detail"]
    assert 1 <= waiting <= 4  # as many as it has connections
    assert 0 == shown
    assert is_back
    assert is_ready
    assert waiting + 1 == saved  # what was given up, and the one that was acknowledged
