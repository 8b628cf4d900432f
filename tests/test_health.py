"""Health: the process alone, and everything that the API needs."""

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.apis import api
from tests.databases import CrmDatabase
from tests.deadlines import eventually

READY = "SELECT 'tasks may hang on a contact', true, 'contact_id is there'"
NOT_READY = f"""
  {READY}
  UNION ALL SELECT 'index by contact', false, 'idx_by_contact is missing'
  UNION ALL SELECT 'who asks', current_user <> 'crm_app', 'asked as ' || current_user"""


@pytest.fixture
def readiness(tmp_path: Path) -> Path:
    path = tmp_path / "readiness.sql"
    path.write_text(READY)
    return path


@pytest.mark.slow
def test_a_process_without_its_database_is_alive_but_not_ready() -> None:
    with api() as running:
        alive, ready = running.client.get("/healthz"), running.client.get("/readyz")

    assert (200, {"status": "alive"}) == (alive.status_code, alive.json())
    assert (503, "not ready") == (ready.status_code, ready.json()["status"])
    assert ["database"] == [thing["name"] for thing in ready.json()["missing"]]
    assert ready.headers["retry-after"]


def test_an_api_on_a_migrated_database_is_ready_and_says_so_without_a_token(database: CrmDatabase) -> None:
    with api(database_url=database.app_url) as running:
        ready = running.client.get("/readyz")

    assert (200, {"status": "ready"}) == (ready.status_code, ready.json())


def test_an_api_on_a_legacy_database_is_not_ready_and_tells_how_to_migrate(legacy_database: CrmDatabase) -> None:
    with api(database_url=legacy_database.app_url) as running:
        ready = running.client.get("/readyz")

    missing = {thing["name"]: thing["detail"] for thing in ready.json()["missing"]}
    assert (503, "./taskline migrate up") == (ready.status_code, ready.json()["run"])
    assert "no such column" == missing["041.contact_id"]
    assert all(missing.values())


def test_an_api_that_lacks_something_lists_it_and_the_command(database: CrmDatabase, readiness: Path) -> None:
    readiness.write_text(NOT_READY)

    with api(database_url=database.app_url, readiness_sql=readiness) as running:
        ready = running.client.get("/readyz")

    assert 503 == ready.status_code
    assert [
        {"name": "index by contact", "detail": "idx_by_contact is missing"},
        {"name": "who asks", "detail": "asked as crm_app"},
    ] == ready.json()["missing"]
    assert "./taskline migrate up" == ready.json()["run"]


def test_an_api_with_the_owners_role_is_not_ready_and_tells_no_names(database: CrmDatabase, readiness: Path) -> None:
    with api(database_url=database.owner_url, readiness_sql=readiness) as running:
        ready = running.client.get("/readyz")

    assert 503 == ready.status_code
    assert "crm_owner" not in ready.text


@pytest.mark.slow
def test_an_api_is_ready_again_when_its_database_is_back(database: CrmDatabase, readiness: Path) -> None:
    with api(database_url=database.app_url, readiness_sql=readiness) as running:
        before = running.client.get("/readyz").status_code
        database.close_to_connections()
        away = [running.client.get("/readyz").status_code for _ in range(3)]
        alive = running.client.get("/healthz").status_code
        database.open_to_connections()
        after = running.client.get("/readyz").status_code

    assert (200, [503, 503, 503], 200, 200) == (before, away, alive, after)


def test_a_connection_that_breaks_during_the_look_is_a_database_that_is_away(
    database: CrmDatabase, readiness: Path
) -> None:
    readiness.write_text("SELECT 'ended', pg_terminate_backend(pg_backend_pid()), ''")

    with api(database_url=database.app_url, readiness_sql=readiness) as running:
        ready = running.client.get("/readyz")

    assert (503, "not ready") == (ready.status_code, ready.json().get("status"))


def test_many_who_ask_at_once_share_one_look(database: CrmDatabase, readiness: Path) -> None:
    readiness.write_text("SELECT 'looked', false, clock_timestamp()::text FROM pg_sleep(0.5)")

    with api(database_url=database.app_url, readiness_sql=readiness) as running, ThreadPoolExecutor(10) as threads:
        answers = list(threads.map(lambda _: running.client.get("/readyz").json(), range(10)))

    assert len({answer["missing"][0]["detail"] for answer in answers}) <= 3


@pytest.mark.parametrize(("ahead_s", "words"), [(3_600, "3,600 s ahead of"), (-60, "60 s behind")])
def test_a_machine_with_a_wrong_clock_is_not_ready(
    database: CrmDatabase, readiness: Path, monkeypatch: pytest.MonkeyPatch, ahead_s: int, words: str
) -> None:
    monkeypatch.setattr("server.health.time", SimpleNamespace(time=lambda: time.time() + ahead_s))

    with api(database_url=database.app_url, readiness_sql=readiness) as running:
        ready = running.client.get("/readyz")

    (missing,) = ready.json()["missing"]
    assert (503, "clock") == (ready.status_code, missing["name"])
    assert words in missing["detail"]
    assert "run" not in ready.json()


def test_a_machine_whose_clock_is_right_is_ready(
    database: CrmDatabase, readiness: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.health.time", SimpleNamespace(time=lambda: time.time() + 4))

    with api(database_url=database.app_url, readiness_sql=readiness) as running:
        assert 200 == running.client.get("/readyz").status_code


def test_events_from_another_database_are_told(
    database: CrmDatabase, legacy_database: CrmDatabase, readiness: Path
) -> None:
    with api(
        database_url=database.app_url, listen_database_url=legacy_database.app_url, readiness_sql=readiness
    ) as running:
        assert eventually(lambda: "detail" in running.client.get("/readyz").json())
        ready = running.client.get("/readyz")

    assert (200, "ready") == (ready.status_code, ready.json()["status"])
    assert "LISTEN_DATABASE_URL leads to another database" in ready.json()["detail"]
