"""Taking migrations back loses no link and leaves the schema that was there."""

import subprocess
from pathlib import Path

import pytest

from tests.databases import CrmDatabase
from tests.migration_runs import BACK, FORWARD, LINKS, LINKS_BACK, by_psql, schema_dump

pytestmark = pytest.mark.slow

# Links the first task to something; the owner does it, as an old script would.
LINK = "UPDATE lead_interactions SET {} WHERE id = (SELECT id FROM lead_interactions ORDER BY id LIMIT 1)"
LOSSES = {
    "contact alone": (
        "contact_id = (SELECT id FROM contacts LIMIT 1), lead_id = NULL",
        "1 row linked to a contact alone",
    ),
    "account alone": (
        "account_id = (SELECT id FROM accounts LIMIT 1), lead_id = NULL",
        "1 row linked to an account alone",
    ),
    "lead and contact": ("contact_id = (SELECT id FROM contacts LIMIT 1)", "1 row linked to a lead and a contact"),
    "all three": (
        "contact_id = (SELECT id FROM contacts LIMIT 1), account_id = (SELECT id FROM accounts LIMIT 1)",
        "1 row linked to all three",
    ),
    "nothing": ("lead_id = NULL", "1 row linked to nothing"),
}


def test_all_migrations_taken_back_leave_the_schema_that_was_there(legacy_database: CrmDatabase) -> None:
    before = schema_dump(legacy_database)

    codes = [by_psql(legacy_database, file).code for file in (*FORWARD, *BACK)]

    assert {0} == set(codes)
    assert before == schema_dump(legacy_database)


@pytest.mark.parametrize("n", range(len(FORWARD)), ids=[file.name[:3] for file in FORWARD])
def test_each_taken_back_leaves_the_schema_that_was_there(legacy_database: CrmDatabase, n: int) -> None:
    for file in FORWARD[:n]:
        by_psql(legacy_database, file)
    before = schema_dump(legacy_database)

    there, back = by_psql(legacy_database, FORWARD[n]), by_psql(legacy_database, BACK[-1 - n])

    assert there.is_success, there.errors
    assert 0 == back.code, back.errors
    assert before == schema_dump(legacy_database)


@pytest.mark.parametrize("file", BACK[1:], ids=lambda file: file.name[:3])
def test_none_is_taken_back_before_the_last(database: CrmDatabase, file: Path) -> None:
    before = schema_dump(database)

    outcome = by_psql(database, file)

    assert 3 == outcome.code
    assert f"un {BACK[0].name} first" in outcome.errors
    assert before == schema_dump(database)


@pytest.mark.parametrize("links", LOSSES)
def test_a_link_that_would_be_lost_is_named_and_nothing_changes(legacy_database: CrmDatabase, links: str) -> None:
    change, words = LOSSES[links]
    by_psql(legacy_database, LINKS)
    legacy_database.psql(LINK.format(change), url=legacy_database.owner_url)
    before = schema_dump(legacy_database)
    task = legacy_database.psql("SELECT id FROM lead_interactions ORDER BY id LIMIT 1")

    outcome = by_psql(legacy_database, LINKS_BACK)

    assert 3 == outcome.code
    assert f"{words}, for example {task}" in outcome.errors
    assert "Nothing was changed" in outcome.errors
    assert before == schema_dump(legacy_database)


def test_the_history_of_a_task_that_got_its_lead_later_gets_it_too(legacy_database: CrmDatabase) -> None:
    before = schema_dump(legacy_database)
    by_psql(legacy_database, LINKS)
    legacy_database.psql(
        "WITH t AS (SELECT * FROM lead_interactions WHERE organization_id IS NOT NULL LIMIT 1) "
        "INSERT INTO lead_interactions (contact_id, user_id, organization_id, interaction_type) "
        "SELECT (SELECT id FROM contacts LIMIT 1), user_id, organization_id, 'task' FROM t"
    )
    legacy_database.psql(
        "UPDATE lead_interactions SET lead_id = (SELECT id FROM leads LIMIT 1), contact_id = NULL WHERE lead_id IS NULL"
    )

    outcome = by_psql(legacy_database, LINKS_BACK)

    assert 0 == outcome.code, outcome.errors
    assert "0" == legacy_database.psql("SELECT count(*) FROM interaction_events WHERE lead_id IS NULL")
    assert before == schema_dump(legacy_database)


def test_a_table_with_links_made_before_041_keeps_them(legacy_database: CrmDatabase) -> None:
    legacy_database.psql(
        "ALTER TABLE lead_interactions ADD contact_id uuid; ALTER TABLE lead_interactions DISABLE TRIGGER USER; "
        "UPDATE lead_interactions SET contact_id = (SELECT id FROM contacts LIMIT 1); "
        "ALTER TABLE lead_interactions ENABLE TRIGGER USER",
        url=legacy_database.owner_url,
    )
    before = schema_dump(legacy_database)

    by_psql(legacy_database, LINKS)
    outcome = by_psql(legacy_database, LINKS_BACK)

    assert 0 == outcome.code, outcome.errors
    assert before == schema_dump(legacy_database)
    assert "0" == legacy_database.psql("SELECT count(*) FROM lead_interactions WHERE contact_id IS NULL")


def test_taking_back_what_is_not_there_does_nothing(legacy_database: CrmDatabase) -> None:
    before = schema_dump(legacy_database)

    outcomes = [by_psql(legacy_database, file) for file in BACK]

    assert {0} == {outcome.code for outcome in outcomes}
    assert [True] * len(BACK) == ["there is nothing to take back" in outcome.report for outcome in outcomes]
    assert before == schema_dump(legacy_database)


def test_tasks_that_arrive_meanwhile_are_refused_or_kept_but_never_lost(legacy_database: CrmDatabase) -> None:
    by_psql(legacy_database, LINKS)
    insert = (
        "INSERT INTO lead_interactions (contact_id, user_id, organization_id, interaction_type, subject) "
        "SELECT c.id, u.id, c.organization_id, 'task', 'arrived' "
        "FROM contacts c JOIN users u USING (organization_id) LIMIT 1;\n"
    )
    command = [str(legacy_database.server.bin_dir / "psql"), "-Xq", "-d", legacy_database.owner_url]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as writer:
        assert writer.stdin
        writer.stdin.write(insert * 300)
        writer.stdin.close()
        outcome = by_psql(legacy_database, LINKS_BACK)
        assert writer.stderr
        refused = writer.stderr.read().count("ERROR")

    stored = int(legacy_database.psql("SELECT count(*) FROM lead_interactions WHERE subject = 'arrived'"))

    assert 300 == stored + refused
    assert (outcome.code == 0) == (stored == 0)
