"""`./taskline prune`: what is older than it is to be kept goes from the log, and whoever would miss it is told so."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest

from tests import apis
from tests.apis import Api
from tests.databases import APP, OWNER, CrmDatabase
from tests.deadlines import DEADLINE_S, eventually
from tests.logged_events import LinkedTask, linked_task
from tests.migration_runs import LOG, LOG_BACK, by_psql, take_back
from tests.organizations import Organization, new_organization
from tests.owners import owner_of
from tests.sockets import greeted

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parent.parent
NOBODY = UUID(int=0)
WATCH = "subscription ($since: String) { taskEvents(since: $since) { taskId changes { after } } }"
HISTORY = """query ($id: ID!) { task(id: $id) {
  history { totalCount edges { node { cursor type changes { after } link { label lostAt } } } }
  links(includeLost: true) { kind state label } } }"""
TOKEN = "query ($id: ID!) { timeline(record: {contactId: $id}) { resumeToken } }"


@pytest.fixture
def organization(database: CrmDatabase) -> Iterator[Organization]:
    with owner_of(database) as owner:
        yield new_organization(owner)


@pytest.fixture
def api(database: CrmDatabase) -> Iterator[Api]:
    with apis.api(database_url=database.app_url) as served:
        yield served


def run(database: CrmDatabase, command: str, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    words = [sys.executable, "-P", "-m", "commands", command, "--url", database.owner_url, *arguments]
    environment = {"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"} | variables
    return subprocess.run(words, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


def prune(database: CrmDatabase, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return run(database, "prune", *arguments, **variables)


def pruned(database: CrmDatabase, *arguments: str, **variables: str) -> dict[str, object]:
    done = prune(database, "--json", *arguments, **variables)
    assert 0 == done.returncode, done.stderr
    document: dict[str, object] = json.loads(done.stdout)
    return document


def grow_older(organization: Organization, days: int, condition: str = "true") -> None:
    organization.owner.run(
        f"UPDATE taskline_events SET at = at - interval '{days} days' "
        f"WHERE organization_id = '{organization.id}' AND {condition}"
    )


def wait_for_older_transactions(organization: Organization) -> None:
    """Return when none is open that began before this: a place taken beside one may have to go, to be safe."""
    mine = organization.owner.rows("SELECT CAST(pg_current_xact_id() AS text) AS xid")[0]["xid"]
    passed = f"SELECT pg_snapshot_xmin(pg_current_snapshot()) > xid8 '{mine}' AS is_over"
    # Those of other tests count, too: one fills a table with a million rows.
    assert eventually(lambda: bool(organization.owner.rows(passed)[0]["is_over"]), seconds=5 * DEADLINE_S)


def shown(api: Api, task: LinkedTask) -> dict[str, object]:
    found: dict[str, object] = api.data(task.organization.viewer(), HISTORY, id=str(task.id))["task"]
    return found


def test_old_lines_go_and_young_ones_stay(database: CrmDatabase, api: Api, organization: Organization) -> None:
    task = linked_task(organization)
    task.change("subject = 'old'")
    grow_older(organization, 31)
    task.change("subject = 'young'")
    others = database.psql(f"SELECT count(*) FROM taskline_events WHERE organization_id <> '{organization.id}'")

    first, second = pruned(database, "--days", "30"), pruned(database, "--days", "30")

    history = shown(api, task)["history"]
    assert isinstance(history, dict)
    assert (1, ["UPDATED"]) == (history["totalCount"], [edge["node"]["type"] for edge in history["edges"]])
    assert 2 + int(others) == first["lines"]  # the older history, which the fixture has copied, is older still
    assert [0, 0, 0] == [second[name] for name in ("lines", "links", "keys")]


def test_a_lost_link_keeps_its_name_and_nothing_else(
    database: CrmDatabase, api: Api, organization: Organization
) -> None:
    task = linked_task(organization, subject="secret")
    organization.owner.run(f"DELETE FROM leads WHERE id = '{task.lead_id}'")
    grow_older(organization, 31)

    assert 1 == pruned(database, "--days", "30")["links"]

    found = shown(api, task)
    assert {"kind": "LEAD", "state": "LOST", "label": "Lea Lead"} in found["links"]  # type: ignore[operator]
    ((edge,), count) = found["history"]["edges"], found["history"]["totalCount"]  # type: ignore[index]
    assert (1, "LINK_LOST", [], "Lea Lead") == (
        count,
        edge["node"]["type"],
        edge["node"]["changes"],
        edge["node"]["link"]["label"],
    )
    rows = organization.owner.rows(f"SELECT * FROM taskline_events WHERE interaction_id = '{task.id}'")
    assert "secret" not in str(rows)


def test_who_would_miss_something_is_told_and_who_would_not_goes_on(
    database: CrmDatabase, api: Api, organization: Organization
) -> None:
    task = linked_task(organization)

    def token() -> str:
        found: str = api.data(organization.viewer(), TOKEN, id=str(task.contact_id))["timeline"]["resumeToken"]
        return found

    before = token()
    task.change("subject = 'old'")
    grow_older(organization, 31)
    wait_for_older_transactions(organization)
    after = token()
    old = [edge["node"]["cursor"] for edge in shown(api, task)["history"]["edges"]]  # type: ignore[index]
    task.change("subject = 'young'")

    assert 0 != pruned(database, "--days", "30")["lines"]

    with greeted(api, organization.viewer()) as socket:
        for place in (before, old[1]):
            socket.subscribe(WATCH, {"since": place})
            (error,) = socket.receive()["payload"]
            assert "RESUME_EXPIRED" == error["extensions"]["code"]
            assert "pruned" in error["message"]
        for place in (after, old[0], token()):
            socket.subscribe(WATCH, {"since": place})
        for _ in range(2):
            assert [{"after": "young"}] == socket.data()["taskEvents"]["changes"]
        assert socket.is_quiet()


def test_an_organization_of_which_nothing_went_goes_on_from_anywhere(
    database: CrmDatabase, api: Api, organization: Organization
) -> None:
    quiet = new_organization(organization.owner)
    contact = quiet.contact()
    place = api.data(quiet.viewer(), TOKEN, id=str(contact))["timeline"]["resumeToken"]
    linked_task(organization)
    grow_older(organization, 31)
    own = quiet.task(contact_id=contact)

    assert 0 != pruned(database, "--days", "30")["lines"]

    with greeted(api, quiet.viewer()) as socket:
        socket.subscribe(WATCH, {"since": place})
        assert str(own) == socket.data()["taskEvents"]["taskId"]


def test_much_goes_in_batches(database: CrmDatabase, organization: Organization) -> None:
    task = linked_task(organization)
    organization.owner.run(
        "INSERT INTO taskline_events (organization_id, interaction_id, type, at) "
        f"SELECT '{organization.id}', '{task.id}', 'updated', now() - interval '40 days' FROM generate_series(1, 3500)"
    )

    assert 3500 <= int(str(pruned(database, "--days", "30")["lines"]))
    left = f"SELECT count(*), count(*) FILTER (WHERE interaction_id = '{NOBODY}') FROM taskline_events"
    assert "2|1" == database.psql(f"{left} WHERE organization_id = '{organization.id}'")


def test_what_was_copied_from_the_older_history_goes_in_whatever_order_it_stands(
    database: CrmDatabase, organization: Organization
) -> None:
    task = linked_task(organization)
    organization.owner.run(
        "INSERT INTO taskline_events (xid, organization_id, interaction_id, type, at) "
        f"SELECT NULL, '{organization.id}', '{task.id}', 'updated', "
        "now() - CASE WHEN n BETWEEN 1501 AND 2000 THEN 40 ELSE 20 END * interval '1 day' "
        "FROM generate_series(1, 3000) n"
    )

    assert 500 <= int(str(pruned(database, "--days", "30")["lines"]))

    old = f"organization_id = '{organization.id}' AND at < now() - interval '30 days'"
    assert "0" == database.psql(f"SELECT count(*) FROM taskline_events WHERE {old}")


def test_a_writer_that_is_open_is_waited_for_by_nobody(database: CrmDatabase, organization: Organization) -> None:
    task = linked_task(organization)
    grow_older(organization, 31)

    with organization.owner.transaction(f"UPDATE lead_interactions SET subject = 'x' WHERE id = '{task.id}'"):
        assert 0 != pruned(database, "--days", "30")["lines"]


def test_the_setting_says_how_long_and_without_one_all_stays(database: CrmDatabase, organization: Organization) -> None:
    linked_task(organization)
    grow_older(organization, 31)

    for_ever = prune(database)
    by_setting = prune(database, TASKLINE_EVENT_RETENTION_DAYS="30")

    assert "Pruned: 0 lines" in for_ever.stdout
    assert "Events are kept for ever" in for_ever.stdout
    assert "Pruned: 0 lines" not in by_setting.stdout
    assert "The log is whole since" in by_setting.stdout
    assert "30 days ago" in by_setting.stdout


@pytest.mark.parametrize("days", ["0", "-1", "36501", "x"])
def test_other_numbers_of_days_are_refused(database: CrmDatabase, days: str) -> None:
    assert 2 == prune(database, "--days", days).returncode
    assert 0 != prune(database, TASKLINE_EVENT_RETENTION_DAYS=days).returncode


def test_keys_go_when_they_have_expired(database: CrmDatabase, organization: Organization) -> None:
    organization.owner.run(
        "INSERT INTO taskline_idempotency_keys "
        "(organization_id, user_id, operation, key, input_digest, answer, created_at) "
        f"SELECT '{organization.id}', '{organization.user_id}', 'createTask', n::text, '', '{{}}', "
        "now() - n * interval '1 h' "
        "FROM generate_series(1, 50) n"
    )

    assert [27, 13] == [pruned(database, **settings)["keys"] for settings in ({}, {"TASKLINE_IDEMPOTENCY_HOURS": "11"})]


def test_what_a_rollback_set_aside_is_pruned_too(database: CrmDatabase, organization: Organization) -> None:
    linked_task(organization)
    grow_older(organization, 31)
    take_back(database, LOG_BACK)
    assert 0 == by_psql(database, LOG).code

    pruned(database, "--days", "30")

    assert "0" == database.psql("SELECT count(*) FROM taskline_events_rolled_back_045")


@pytest.mark.parametrize("command", ["prune", "erase"])
def test_a_table_that_somebody_else_gave_the_name_of_a_log_is_refused(
    database: CrmDatabase, organization: Organization, command: str
) -> None:
    task = linked_task(organization)
    name = "taskline_events_rolled_back_045_7"
    database.psql(f"GRANT CREATE ON SCHEMA public TO {APP}")
    database.psql(
        f"CREATE TABLE {name} (LIKE taskline_events INCLUDING ALL); GRANT ALL ON {name} TO {OWNER}",
        url=database.app_url,
    )
    arguments = ["--days", "30", "--json"] if command == "prune" else ["--contact", str(task.contact_id)]

    done = run(database, command, *arguments)

    assert 0 != done.returncode
    assert f"{name} has the name of a log of events, but belongs to {APP}" in done.stderr
    assert "Nothing was changed" in done.stderr


def test_a_database_without_a_log_is_refused(legacy_database: CrmDatabase) -> None:
    done = prune(legacy_database)

    assert "has no log of events" in done.stderr
    assert 0 != done.returncode


def test_two_at_once_are_refused(database: CrmDatabase, organization: Organization) -> None:
    with organization.owner.transaction("SELECT pg_advisory_lock(8386112019184217702)"):
        done = prune(database)

    assert "is being pruned already" in done.stderr
    assert 15 == done.returncode


def test_the_api_s_role_can_prune_nothing(database: CrmDatabase, organization: Organization) -> None:
    linked_task(organization)
    grow_older(organization, 31)

    done = prune(database, "--days", "30", "--url", database.app_url)

    assert 0 != done.returncode
    assert "Run it as the owner of the tables" in done.stderr
