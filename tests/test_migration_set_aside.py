"""What taking 041 back would lose is set aside on request, and the next 041 brings it back as it was."""

import asyncio

import pytest

from migrations.runner import apply, rollbacks
from tests.databases import APP, CrmDatabase
from tests.linked_tasks import ASIDE, HELD, HISTORY_ASIDE, TABLES, add_linked_tasks, bring_back, rows, set_aside
from tests.migration_runs import LINKS, LINKS_BACK, TENANT, TENANT_BACK, by_psql, schema_dump

pytestmark = pytest.mark.slow

NOISY_TRIGGERS = """
CREATE TABLE noise (at timestamptz);
GRANT ALL ON noise TO PUBLIC;
CREATE FUNCTION noise() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO noise VALUES (now());
  RETURN coalesce(NEW, OLD);
END $$;
CREATE TRIGGER a AFTER INSERT OR UPDATE OR DELETE ON interaction_events FOR EACH ROW EXECUTE FUNCTION noise();
CREATE TRIGGER b BEFORE INSERT OR UPDATE OR DELETE ON lead_interactions FOR EACH ROW EXECUTE FUNCTION noise();
CREATE TRIGGER c AFTER INSERT ON lead_interactions FOR EACH ROW EXECUTE FUNCTION noise();
CREATE CONSTRAINT TRIGGER d AFTER INSERT OR DELETE ON lead_interactions DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW EXECUTE FUNCTION noise();
ALTER TABLE interaction_events ENABLE ALWAYS TRIGGER a;
ALTER TABLE lead_interactions DISABLE TRIGGER c;
ALTER TABLE lead_interactions ENABLE REPLICA TRIGGER sync_lead_next_follow_up;
"""


# There and back.


def test_it_all_comes_back_as_it_was(legacy_database: CrmDatabase) -> None:
    schema = schema_dump(legacy_database)
    for file in (LINKS, TENANT):
        by_psql(legacy_database, file)
    n = add_linked_tasks(legacy_database)
    before = rows(legacy_database)

    by_psql(legacy_database, TENANT_BACK)
    set_aside(legacy_database, n)
    schema_between, leads_between = schema_dump(legacy_database), rows(legacy_database).leads
    report = bring_back(legacy_database)
    by_psql(legacy_database, TENANT)

    assert schema == schema_between
    assert before.leads == leads_between
    assert f"✅ brought back from public.{ASIDE}: 18 rows" in report
    assert before == rows(legacy_database)
    assert "0" == legacy_database.psql(TABLES)


def test_what_stays_is_untouched_and_what_goes_is_counted(linked_database: CrmDatabase) -> None:
    columns = "SELECT id, lead_id, subject, status, updated_at FROM lead_interactions"
    staying = linked_database.psql(f"{columns} WHERE lead_id IS NOT NULL ORDER BY id")

    outcome = by_psql(linked_database, LINKS_BACK, taskline__discard_links=18)

    assert staying == linked_database.psql(f"{columns} ORDER BY id")
    assert f"ℹ️ set aside in {ASIDE}: 9 rows without a lead, and links of 9 that have one" in outcome.report
    assert f"ℹ️ set aside in {HISTORY_ASIDE}: 18 rows of what belongs to them" in outcome.report
    assert "18|18" == linked_database.psql(HELD)


def test_the_runner_and_psql_set_aside_and_bring_back_alike(
    legacy_database: CrmDatabase, second_legacy_database: CrmDatabase
) -> None:
    both = (legacy_database, second_legacy_database)
    for database in both:
        by_psql(database, LINKS)
        add_linked_tasks(database)
    before = rows(second_legacy_database)

    set_aside(legacy_database)
    wish = rollbacks.Wish(41, discard_links=18)
    done = asyncio.run(rollbacks.run(second_legacy_database.owner_url, wish, print))
    held = [database.psql(HELD) for database in both]
    columns = [database.psql(f"SELECT * FROM {ASIDE} LIMIT 0", url=database.owner_url) for database in both]
    asyncio.run(apply.up(second_legacy_database.owner_url, through=41, switches=[apply.BRING_BACK], say=print))

    assert {ASIDE: 18, HISTORY_ASIDE: 18} == done.set_aside
    assert held[0] == held[1]
    assert columns[0] == columns[1]
    assert before == rows(second_legacy_database)


def test_it_is_offered_until_it_is_wanted(linked_database: CrmDatabase) -> None:
    before = rows(linked_database)
    set_aside(linked_database)

    offer = by_psql(linked_database, LINKS)
    said: list[str] = []
    asyncio.run(apply.up(linked_database.owner_url, through=41, switches=[apply.BRING_BACK], say=said.append))

    assert offer.is_success
    assert f"⚠️ set aside by a rollback in {ASIDE}: 9 rows without a lead, and links of 9 that have one" in offer.report
    assert "./taskline migrate up --bring-back (by psql: PGOPTIONS='-c taskline.bring_back=on')" in offer.report
    assert any("brought back" in line for line in said)
    assert before == rows(linked_database)


def test_where_nothing_is_set_aside_nothing_is_said_of_it(legacy_database: CrmDatabase) -> None:
    report = bring_back(legacy_database)

    assert "set aside" not in report
    assert "brought back" not in report


def test_what_an_earlier_rollback_set_aside_is_kept_by_the_next(linked_database: CrmDatabase) -> None:
    before = rows(linked_database)
    set_aside(linked_database)
    by_psql(linked_database, LINKS)
    linked_database.psql("ALTER TABLE lead_interactions ADD region text", url=linked_database.owner_url)
    add_linked_tasks(linked_database, 1)
    linked_database.psql(
        "UPDATE lead_interactions SET region = 'EU' WHERE contact_id IS NOT NULL", url=linked_database.owner_url
    )
    linked_database.psql(
        "UPDATE interaction_events SET event_metadata = NULL WHERE lead_id IS NULL", url=linked_database.owner_url
    )

    set_aside(linked_database, 6)
    held = linked_database.psql(f"SELECT count(*), count(region) FROM {ASIDE}")
    bring_back(linked_database)

    assert "24|4" == held
    assert 24 == len(linked_database.psql("SELECT 1 FROM lead_interactions WHERE subject LIKE 'linked%'").splitlines())
    assert set(before.events) < set(rows(linked_database).events)
    assert "0" == linked_database.psql(TABLES)


def test_triggers_keep_their_states_and_are_quiet_meanwhile(legacy_database: CrmDatabase) -> None:
    legacy_database.psql(
        NOISY_TRIGGERS,
        url=legacy_database.owner_url,
    )
    before = schema_dump(legacy_database)
    by_psql(legacy_database, LINKS)
    add_linked_tasks(legacy_database)
    forward = schema_dump(legacy_database)
    noise = legacy_database.psql("SELECT count(*) FROM noise")

    set_aside(legacy_database)
    between = schema_dump(legacy_database)
    noise_between = legacy_database.psql("SELECT count(*) FROM noise")
    bring_back(legacy_database)

    assert before == between
    assert forward == schema_dump(legacy_database)
    assert noise == noise_between


# Exactly what was agreed to.


@pytest.mark.parametrize("n", ["17", "19", "0", "all", "-1"])
def test_another_number_than_the_refusal_says_is_refused(linked_database: CrmDatabase, n: str) -> None:
    schema, before = schema_dump(linked_database), rows(linked_database)

    outcome = by_psql(linked_database, LINKS_BACK, taskline__discard_links=n)

    assert 3 == outcome.code
    assert "Nothing was changed" in outcome.errors
    assert ("there are 18:" in outcome.errors) == n.isdecimal()
    assert (f"taskline.discard_links: found '{n}', expected a number" in outcome.errors) != n.isdecimal()
    assert schema == schema_dump(linked_database)
    assert before == rows(linked_database)
    assert "0" == linked_database.psql(TABLES)


def test_the_refusal_names_the_number_and_both_ways_to_say_it(linked_database: CrmDatabase) -> None:
    refused = by_psql(linked_database, LINKS_BACK)

    assert "--discard-links 18 (by psql: PGOPTIONS='-c taskline.discard_links=18')" in refused.errors


def test_the_refusal_says_how_long_many_rows_keep_readers_waiting(legacy_database: CrmDatabase) -> None:
    by_psql(legacy_database, LINKS)
    add_linked_tasks(legacy_database, 420)

    refused = by_psql(legacy_database, LINKS_BACK)

    assert "Setting 2520 rows aside keeps readers waiting for about 0.1 s." in refused.errors


def test_an_agreement_to_lose_links_is_not_needed_where_there_are_none(legacy_database: CrmDatabase) -> None:
    before = schema_dump(legacy_database)
    by_psql(legacy_database, LINKS)

    set_aside(legacy_database, 3)

    assert before == schema_dump(legacy_database)
    assert "0" == legacy_database.psql(TABLES)


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ("CREATE TABLE pins (task uuid REFERENCES lead_interactions ON DELETE SET NULL)", "pins.pins_task_fkey: found"),
        (
            "ALTER TABLE lead_interactions ADD parent uuid REFERENCES lead_interactions ON DELETE CASCADE",
            "_parent_fkey",
        ),
        ("CREATE TABLE pins (line uuid REFERENCES interaction_events ON DELETE CASCADE)", "pins.pins_line_fkey: found"),
    ],
)
def test_rows_that_would_go_along_unseen_are_an_obstacle(linked_database: CrmDatabase, sql: str, words: str) -> None:
    linked_database.psql(sql, url=linked_database.owner_url)
    before = rows(linked_database)

    outcome = by_psql(linked_database, LINKS_BACK, taskline__discard_links=18)

    assert words in outcome.errors
    assert "Nothing was changed" in outcome.errors
    assert before == rows(linked_database)


def test_a_key_that_forbids_a_removal_takes_all_of_it_back(linked_database: CrmDatabase) -> None:
    linked_database.psql("CREATE TABLE pins (task uuid REFERENCES lead_interactions)", url=linked_database.owner_url)
    linked_database.psql(
        "INSERT INTO pins SELECT id FROM lead_interactions WHERE lead_id IS NULL LIMIT 1", url=linked_database.owner_url
    )
    schema, before = schema_dump(linked_database), rows(linked_database)

    outcome = by_psql(linked_database, LINKS_BACK, taskline__discard_links=18)

    assert 3 == outcome.code
    assert 'violates foreign key constraint "pins_task_fkey"' in outcome.errors
    assert schema == schema_dump(linked_database)  # the fence is gone, too
    assert before == rows(linked_database)
    assert "0" == linked_database.psql(TABLES)


# For the owner alone.


def test_nobody_but_the_owner_reads_what_is_set_aside(linked_database: CrmDatabase) -> None:
    linked_database.psql(
        f"ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO {APP}", url=linked_database.owner_url
    )

    set_aside(linked_database)

    may_read = f"SELECT has_table_privilege('{APP}', relname::text, 'SELECT') FROM pg_class"
    owner = "SELECT DISTINCT relowner::regrole FROM pg_class"
    tables = "WHERE relname LIKE '%\\_rolled\\_back\\_041' AND relkind = 'r'"
    assert "f\nf" == linked_database.psql(f"{may_read} {tables}")
    assert "crm_owner" == linked_database.psql(f"{owner} {tables}")
    linked_database.psql(f"GRANT SELECT ON {ASIDE} TO {APP}", url=linked_database.owner_url)
    assert "0" == linked_database.psql(f"SELECT count(*) FROM {ASIDE}", url=linked_database.app_url)


def test_what_a_superuser_sets_aside_belongs_to_the_tables_owner(linked_database: CrmDatabase) -> None:
    outcome = by_psql(linked_database, LINKS_BACK, url=linked_database.superuser_url, taskline__discard_links=18)

    assert 0 == outcome.code, outcome.errors
    assert "18|18" == linked_database.psql(HELD, url=linked_database.owner_url)
