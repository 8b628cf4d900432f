"""What 041's rollback set aside and the database no longer takes stays there, with its reason, until corrected."""

import pytest

from tests.databases import CrmDatabase
from tests.linked_tasks import ASIDE, HISTORY_ASIDE, TABLES, bring_back, set_aside
from tests.migration_runs import LINKS, by_psql

pytestmark = pytest.mark.slow


def test_what_can_not_come_back_stays_with_its_reason_until_it_is_corrected(linked_database: CrmDatabase) -> None:
    set_aside(linked_database)
    contact, account, lead = linked_database.psql(
        f"SELECT max(contact_id::text), max(account_id::text), max(lead_id::text) FROM {ASIDE}"
    ).split("|")
    linked_database.psql(f"DELETE FROM accounts WHERE id = '{account}'")

    report = bring_back(linked_database)
    stuck = linked_database.psql(f"SELECT DISTINCT stays_because FROM {ASIDE}")
    held = linked_database.psql(f"SELECT count(*) FROM {ASIDE}")
    linked_database.psql(f"UPDATE {ASIDE} SET account_id = NULL", url=linked_database.owner_url)
    again = bring_back(linked_database)

    assert contact
    assert lead
    assert "12" == held
    assert "lead_interactions.account_id names a row of accounts that is gone" == stuck
    assert "⚠️   12 rows can't come back, for example" in report
    assert "12 rows, as they were" in again
    assert "0" == linked_database.psql(TABLES)


def test_each_reason_has_its_words(linked_database: CrmDatabase) -> None:
    set_aside(linked_database)
    ids = linked_database.psql(f"SELECT id FROM {ASIDE} ORDER BY lead_id IS NULL, subject").splitlines()
    gone, moved, taken, of_nobody = ids[0], ids[8], ids[9], ids[10]
    linked_database.psql(
        f"DELETE FROM lead_interactions WHERE id = '{gone}'; "
        "INSERT INTO lead_interactions (id, lead_id, user_id, organization_id, interaction_type) "
        f"SELECT '{taken}', lead_id, user_id, organization_id, 'task' FROM lead_interactions "
        "WHERE organization_id IS NOT NULL LIMIT 1; "
        f"UPDATE {HISTORY_ASIDE} SET changed_by = gen_random_uuid() WHERE interaction_id = '{of_nobody}'"
    )
    by_psql(linked_database, LINKS)
    linked_database.psql(
        "UPDATE lead_interactions SET contact_id = (SELECT id FROM contacts c WHERE NOT EXISTS "
        f"(SELECT FROM {ASIDE} WHERE contact_id = c.id) LIMIT 1) WHERE id = '{moved}'; "
        f"ALTER TABLE {ASIDE} ADD region text; UPDATE {ASIDE} SET region = 'EU' WHERE id = '{ids[11]}'"
    )

    bring_back(linked_database)

    assert {
        gone: "it is gone, perhaps with its lead",
        moved: "it has another contact or account by now",
        taken: "another row of lead_interactions has its id",
        of_nobody: "interaction_events.changed_by names a row of users that is gone",
        ids[11]: "lead_interactions has no column region any more",
    } == dict(line.split("|") for line in linked_database.psql(f"SELECT id, stays_because FROM {ASIDE}").splitlines())


def test_a_table_that_has_changed_since_takes_them_back(linked_database: CrmDatabase) -> None:
    set_aside(linked_database)
    linked_database.psql(
        "ALTER TABLE lead_interactions ADD grade int NOT NULL DEFAULT 7, ALTER duration TYPE bigint, "
        "ADD shout text GENERATED ALWAYS AS (upper(subject)) STORED, DROP COLUMN participants, ADD participants jsonb",
        url=linked_database.owner_url,
    )

    bring_back(linked_database)

    found = "SELECT count(*), count(shout), count(participants), min(grade) FROM lead_interactions"
    assert "18|18|9|7" == linked_database.psql(f"{found} WHERE subject LIKE 'linked%'")
    assert "0" == linked_database.psql(TABLES)


def test_the_links_of_the_latest_rollback_come_back(legacy_database: CrmDatabase) -> None:
    task = legacy_database.psql("SELECT id FROM lead_interactions ORDER BY id LIMIT 1")
    older, newer = legacy_database.psql("SELECT id FROM contacts ORDER BY id LIMIT 2").splitlines()
    account = legacy_database.psql("SELECT id FROM accounts LIMIT 1")
    for links in (f"contact_id = '{older}', account_id = '{account}'", f"contact_id = '{newer}'"):
        by_psql(legacy_database, LINKS)
        legacy_database.psql(f"UPDATE lead_interactions SET {links} WHERE id = '{task}'", url=legacy_database.owner_url)
        set_aside(legacy_database, 1)

    bring_back(legacy_database)
    report = bring_back(legacy_database)

    found = f"SELECT contact_id, account_id FROM lead_interactions WHERE id = '{task}'"
    assert f"{newer}|" == legacy_database.psql(found)
    assert f"{older}|superseded by a later rollback" == legacy_database.psql(
        f"SELECT contact_id, stays_because FROM {ASIDE}"
    )
    assert f"⚠️   1 row can't come back, for example {task}: superseded by a later rollback" in report
