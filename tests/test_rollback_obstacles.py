"""What others built on the columns of 041 is named before they go, and a table that nobody can write is no success."""

from pathlib import Path

import pytest

from tests.databases import CrmDatabase
from tests.linked_tasks import FENCES, rows
from tests.migration_runs import LINKS, LINKS_BACK, by_psql, schema_dump

pytestmark = pytest.mark.slow

TRIGGER = """
CREATE FUNCTION watch() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  n bigint;
BEGIN
  {};
  RETURN NEW;
END $$;
CREATE TRIGGER watch BEFORE INSERT OR UPDATE ON lead_interactions FOR EACH ROW EXECUTE FUNCTION watch();
"""
BUILT_ON_THEM = {
    "NEW": (
        TRIGGER.format("n := length(NEW.contact_id::text)"),
        "watch(): found a trigger function that reads contact_id",
    ),
    "quoted OLD": (
        TRIGGER.format("IF TG_OP = 'UPDATE' THEN n := length(old.\"account_id\"::text); END IF"),
        "watch(): found a trigger function that reads account_id",
    ),
    "query": (
        TRIGGER.format("IF NEW.status = 'odd' THEN SELECT count(contact_id) INTO n FROM lead_interactions; END IF"),
        "watch(): found a trigger function that reads contact_id",
    ),
    "body": (
        "CREATE FUNCTION theirs() RETURNS bigint BEGIN ATOMIC SELECT count(contact_id) FROM lead_interactions; END",
        "theirs(): found a function that reads contact_id. Next: change it with CREATE OR REPLACE FUNCTION",
    ),
    "condition": (
        TRIGGER.format("n := 1") + "CREATE TRIGGER only_some BEFORE UPDATE OF contact_id ON lead_interactions "
        "FOR EACH ROW EXECUTE FUNCTION watch()",
        "only_some: found a trigger that reads contact_id. Next: DROP TRIGGER only_some ON lead_interactions;",
    ),
    "view": (
        "CREATE VIEW theirs AS SELECT account_id FROM lead_interactions",
        "theirs: found a view that reads account_id. Next: drop or change it.",
    ),
    "index": (
        "CREATE INDEX theirs ON lead_interactions (organization_id, contact_id)",
        "theirs: found an index that reads contact_id. Next: DROP INDEX CONCURRENTLY theirs;",
    ),
    "constraint": (
        "ALTER TABLE lead_interactions ADD CONSTRAINT theirs CHECK (contact_id <> account_id)",
        "a constraint that reads account_id, contact_id. Next: ALTER TABLE lead_interactions DROP CONSTRAINT theirs;",
    ),
    "generated column": (
        "ALTER TABLE lead_interactions ADD theirs boolean GENERATED ALWAYS AS (contact_id IS NULL) STORED",
        "a generated column that reads contact_id. Next: ALTER TABLE lead_interactions DROP COLUMN theirs;",
    ),
    "policy": (
        "CREATE POLICY theirs ON contacts USING (id IN (SELECT contact_id FROM lead_interactions))",
        "theirs: found a policy that reads contact_id. Next: DROP POLICY theirs ON contacts;",
    ),
    "publication": (
        "CREATE PUBLICATION theirs FOR TABLE lead_interactions (id, contact_id)",
        "a publication that reads contact_id. Next: ALTER PUBLICATION theirs DROP TABLE lead_interactions;",
    ),
    "statistics": (
        "CREATE STATISTICS theirs ON contact_id, organization_id FROM lead_interactions",
        "theirs: found a statistics object that reads contact_id. Next: DROP STATISTICS public.theirs;",
    ),
}


@pytest.mark.parametrize("kind", BUILT_ON_THEM)
def test_what_others_built_on_the_columns_is_named_and_nothing_changes(legacy_database: CrmDatabase, kind: str) -> None:
    sql, words = BUILT_ON_THEM[kind]
    by_psql(legacy_database, LINKS)
    legacy_database.psql(sql, url=legacy_database.superuser_url)
    before = schema_dump(legacy_database)

    outcome = by_psql(legacy_database, LINKS_BACK)

    assert words in outcome.errors
    assert "Nothing was changed" in outcome.errors
    assert (3, before) == (outcome.code, schema_dump(legacy_database))


@pytest.mark.parametrize(
    "code",
    [
        "SELECT count(a.contact_id) INTO n FROM accounts a",
        "n := length(to_jsonb(NEW) ->> 'contact_id')",
        "n := 1 -- NEW.contact_id is of no interest here\n",
    ],
)
def test_a_function_that_works_without_the_columns_is_no_obstacle(legacy_database: CrmDatabase, code: str) -> None:
    by_psql(legacy_database, LINKS)
    legacy_database.psql(TRIGGER.format(code), url=legacy_database.owner_url)

    outcome = by_psql(legacy_database, LINKS_BACK)

    assert 0 == outcome.code, outcome.errors
    assert legacy_database.psql("UPDATE lead_interactions SET subject = 'x' RETURNING 1", url=legacy_database.owner_url)


def test_a_task_that_fails_without_the_columns_takes_all_of_it_back(linked_database: CrmDatabase) -> None:
    hidden = "EXECUTE 'SELECT ($1).' || 'contact' || '_id' USING NEW"
    linked_database.psql(TRIGGER.format(hidden), url=linked_database.owner_url)
    schema, before = schema_dump(linked_database), rows(linked_database)

    outcome = by_psql(linked_database, LINKS_BACK, taskline__discard_links=18)

    assert "without the columns a lead's task can't be inserted and changed:" in outcome.errors
    assert "watch()" in outcome.errors
    assert (3, schema, before) == (outcome.code, schema_dump(linked_database), rows(linked_database))


def test_what_came_after_the_columns_went_is_told_and_repaired(legacy_database: CrmDatabase, tmp_path: Path) -> None:
    before = schema_dump(legacy_database)
    by_psql(legacy_database, LINKS)
    file = tmp_path / LINKS_BACK.name
    broken = TRIGGER.format("n := length(NEW.contact_id::text)")
    file.write_text(
        LINKS_BACK.read_text().replace(
            "-- == Indexes ==", broken.replace("watch()", "public.watch()", 1) + "-- == Indexes =="
        )
    )

    ended = by_psql(legacy_database, file)
    again = by_psql(legacy_database, LINKS_BACK)
    fences = int(legacy_database.psql(FENCES))
    legacy_database.psql("DROP FUNCTION watch() CASCADE", url=legacy_database.owner_url)
    repaired = by_psql(legacy_database, LINKS_BACK)

    told = (
        '041 is taken back, but a lead\'s task can\'t be inserted and changed: record "new" has no field "contact_id"'
    )
    assert [3, 3, 0] == [ended.code, again.code, repaired.code]
    assert told in ended.errors
    assert told in again.errors
    assert "✅ 041 is taken back" not in ended.report + again.report
    assert fences
    assert "✅ 041 is taken back" in repaired.report
    assert before == schema_dump(legacy_database)


WITHOUT_KEY = "ALTER TABLE interaction_events DROP CONSTRAINT interaction_events_interaction_id_fkey"
LATER_LEAD = (
    "UPDATE lead_interactions t SET lead_id = "
    "(SELECT id FROM leads l WHERE l.organization_id = t.organization_id LIMIT 1) "
    "WHERE subject LIKE 'linked f%'"
)


def test_a_history_without_its_key_gets_its_tasks_lead_all_the_same(linked_database: CrmDatabase) -> None:
    linked_database.psql(WITHOUT_KEY, url=linked_database.owner_url)
    linked_database.psql(LATER_LEAD)

    outcome = by_psql(linked_database, LINKS_BACK, taskline__discard_links=18)

    assert 0 == outcome.code, outcome.errors
    assert "0" == linked_database.psql("SELECT count(*) FROM interaction_events WHERE lead_id IS NULL")


def test_a_history_that_can_not_get_a_lead_is_named_before_anything_goes(linked_database: CrmDatabase) -> None:
    linked_database.psql(WITHOUT_KEY, url=linked_database.owner_url)
    linked_database.psql("DELETE FROM lead_interactions WHERE subject = 'linked f t f 1'")
    schema, before = schema_dump(linked_database), rows(linked_database)

    outcome = by_psql(linked_database, LINKS_BACK, taskline__discard_links=17)

    assert "interaction_events: found 2 rows without a lead, for example" in outcome.errors
    assert "Nothing was changed" in outcome.errors
    assert (3, schema, before) == (outcome.code, schema_dump(linked_database), rows(linked_database))
