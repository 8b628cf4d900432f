"""`./taskline erase`: a person's name goes from the log, and nothing else does."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from migrations.runner import erasures
from tests.databases import CrmDatabase
from tests.logged_events import LinkedTask, linked_task
from tests.migration_runs import LOG_BACK, take_back
from tests.organizations import new_organization
from tests.owners import owner_of
from tests.papers import blocks

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parent.parent
SHAPE = """SELECT md5(string_agg(concat_ws('|', seq, xid, type, at, actor_id, record_id, changed), ',' ORDER BY seq))
             FROM taskline_events"""


@pytest.fixture
def task(database: CrmDatabase) -> Iterator[LinkedTask]:
    with owner_of(database) as owner:
        yield linked_task(new_organization(owner), subject="Renewal: Cora Contact - Acme", description="Coracle")


def erase(database: CrmDatabase, *arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-P", "-m", "commands", "erase", "--url", database.owner_url, *map(str, arguments)]
    environment = {"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


def test_a_deleted_contact_s_name_goes_and_the_lines_stay(database: CrmDatabase, task: LinkedTask) -> None:
    task.organization.owner.run(f"DELETE FROM contacts WHERE id = '{task.contact_id}'")
    before = database.psql(SHAPE)

    done = erase(database, "--contact", task.contact_id)

    log = database.psql("SELECT * FROM taskline_events WHERE organization_id = '" + str(task.organization.id) + "'")
    assert 0 == done.returncode, done.stderr
    assert "Erased: the contact's name as that of a link in 1 lines, and from the texts of " in done.stdout
    assert "Cora Contact" not in log
    assert "Renewal: [erased] - Acme" in log
    assert "Coracle" in log
    assert before == database.psql(SHAPE)


def test_the_name_goes_from_a_task_that_is_gone_itself(database: CrmDatabase, task: LinkedTask) -> None:
    others = {"lead_id": task.lead_id, "contact_id": task.contact_id, "subject": "Ask Cora Contact"}
    gone = task.organization.task(**others)
    task.organization.owner.run(f"DELETE FROM lead_interactions WHERE id = '{gone}'")
    task.organization.owner.run(f"DELETE FROM contacts WHERE id = '{task.contact_id}'")

    erase(database, "--contact", task.contact_id)

    lines = f"FROM taskline_events WHERE interaction_id = '{gone}' ORDER BY seq"
    assert "Ask [erased]\nAsk [erased]" == database.psql(f"SELECT coalesce(after, before) ->> 'subject' {lines}")


@pytest.mark.parametrize("written", ["CORA CONTACT", "cora contact", "Cora  Contact", "Cora\nContact"])
def test_a_name_goes_however_it_is_written(database: CrmDatabase, task: LinkedTask, written: str) -> None:
    task.change(f"outcome = 'Met {written}, twice'")

    erase(database, "--contact", task.contact_id)

    assert "Met [erased], twice" == database.psql(
        f"SELECT after ->> 'outcome' FROM taskline_events WHERE interaction_id = '{task.id}' AND type = 'updated'"
    )


def test_a_name_of_signs_goes_as_it_stands(database: CrmDatabase, task: LinkedTask) -> None:
    name = "(x) [a-z]+ .* \\d {2} É 李 😀 $1"
    contact = task.organization.contact(first_name=name, last_name="")
    id_ = task.organization.task(contact_id=contact, subject=f"Call {name} or (x)")

    erase(database, "--contact", contact)

    assert "Call [erased] or (x)" == database.psql(
        f"SELECT after ->> 'subject' FROM taskline_events WHERE interaction_id = '{id_}'"
    )


def test_participants_that_name_the_person_go_whole(database: CrmDatabase, task: LinkedTask) -> None:
    task.change('subject = \'Met\', participants = \'[{"name": "Cora Contact", "number": 1}]\'')

    erase(database, "--contact", task.contact_id)

    assert "[erased]" == database.psql(
        f"SELECT after ->> 'participants' FROM taskline_events WHERE interaction_id = '{task.id}' AND type = 'updated'"
    )


def test_again_finds_nothing_more(database: CrmDatabase, task: LinkedTask) -> None:
    task.organization.owner.run(f"DELETE FROM contacts WHERE id = '{task.contact_id}'")

    documents = [json.loads(erase(database, "--contact", task.contact_id, "--json").stdout) for _ in range(2)]

    assert [(1, False), (0, False)] == [(document["names"], document["is_still_there"]) for document in documents]
    assert 0 == documents[1]["texts"]


def test_a_person_who_is_still_there_is_told(database: CrmDatabase, task: LinkedTask) -> None:
    task.change("lead_id = NULL")

    done = erase(database, "--lead", task.lead_id)

    assert "in 1 lines" in done.stdout
    assert "⚠️ The lead is still there" in done.stdout
    assert [None] == [event["record_name"] for event in task.events()]


def test_an_unknown_person_is_no_failure(database: CrmDatabase) -> None:
    done = erase(database, "--lead", uuid4())

    assert (0, "") == (done.returncode, done.stderr)
    assert "in 0 lines" in done.stdout


def test_what_a_rollback_set_aside_is_cleaned_too(database: CrmDatabase, task: LinkedTask) -> None:
    task.organization.owner.run(f"DELETE FROM leads WHERE id = '{task.lead_id}'")
    take_back(database, LOG_BACK)

    done = erase(database, "--lead", task.lead_id)

    assert "in 1 lines" in done.stdout
    assert "0" == database.psql("SELECT count(record_name) FROM taskline_events_rolled_back_045")


def test_a_database_without_a_log_is_refused(legacy_database: CrmDatabase) -> None:
    done = erase(legacy_database, "--lead", uuid4())

    assert "has no log of events" in done.stderr
    assert 0 != done.returncode


@pytest.mark.parametrize("arguments", [[], ["--lead", uuid4(), "--contact", uuid4()]])
def test_exactly_one_person_is_named(database: CrmDatabase, arguments: list[object]) -> None:
    done = erase(database, *arguments)

    assert 2 == done.returncode
    assert "Give one of --contact and --lead" in done.stderr


def test_the_api_s_role_can_erase_nothing(database: CrmDatabase, task: LinkedTask) -> None:
    task.organization.owner.run(f"DELETE FROM leads WHERE id = '{task.lead_id}'")

    done = erase(database, "--lead", task.lead_id, "--url", database.app_url)

    assert 0 != done.returncode
    assert "Run it as the owner of the tables" in done.stderr
    assert ["Lea Lead"] == [event["record_name"] for event in task.events()]


def test_the_documented_statement_takes_all_texts_of_a_task_out_of_the_log(
    database: CrmDatabase, task: LinkedTask
) -> None:
    (statement,) = (sql for sql in blocks((ROOT / "docs" / "migrations.md").read_text(), "sql") if "- '{" in sql)
    texts = """outcome = 'Secret', participants = '["Secret"]', activity_metadata = '{"note": "Secret"}'"""
    task.change(f"subject = 'Secret', description = 'Secret', {texts}")
    other = task.organization.task(subject="Renewal", contact_id=task.contact_id)
    before = database.psql(SHAPE)

    database.psql(statement.replace("00000000-0000-0000-0000-000000000000", str(task.id)), url=database.owner_url)

    log = f"FROM taskline_events WHERE organization_id = '{task.organization.id}'"
    assert before == database.psql(SHAPE)
    assert "0" == database.psql(f"SELECT count(*) {log} AND concat(before, after) ~ 'Secret|Cora|Coracle'")
    assert "Renewal" == database.psql(f"SELECT after ->> 'subject' {log} AND interaction_id = '{other}'")


def test_every_column_of_free_text_is_looked_at(database: CrmDatabase) -> None:
    columns = database.psql(
        """SELECT attname FROM pg_attribute WHERE attrelid = 'lead_interactions'::regclass AND attnum > 0
              AND atttypid IN ('text'::regtype, 'varchar'::regtype, 'jsonb'::regtype) ORDER BY attname"""
    )

    words_of_ours = {"interaction_type", "status", "status_before_deletion", "priority"}
    assert set(erasures.TEXTS) == set(columns.splitlines()) - words_of_ours
