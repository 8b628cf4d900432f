"""Live databases differ: each drift is carried through or refused by name, and success is never claimed falsely."""

import re
import subprocess
from pathlib import Path

import pytest

from tests.databases import APP, OWNER, CrmDatabase
from tests.linked_tasks import every_row, link_copies
from tests.migration_drifts import INCOMPLETE, REFUSED, REPAIRED
from tests.migration_runs import (
    BACK,
    FORWARD,
    LINKS,
    LINKS_BACK,
    SUCCESS,
    VARIANTS,
    by_psql,
    make_variant,
    psql_command,
    schema_dump,
)

pytestmark = pytest.mark.slow

# Drifts of legacy_variants.sql that 041 must not repair by itself, and what its refusal names.
REFUSED_VARIANTS = {
    "v_completed_by": 'record "new" has no field "last_modified_by"',
    "v_wrong_type": "lead_interactions.contact_id: found type text, expected uuid",
    "v_stale_fk": "lead_interactions.lead_id: found a foreign key to public.leads_old, expected leads",
}


@pytest.mark.parametrize("variant", [name for name in VARIANTS if name not in REFUSED_VARIANTS])
def test_a_known_variant_is_carried_through_and_back(legacy_database: CrmDatabase, variant: str) -> None:
    make_variant(legacy_database, variant)
    before = schema_dump(legacy_database)

    forward = by_psql(legacy_database, LINKS)
    back = by_psql(legacy_database, LINKS_BACK)

    assert forward.is_success, forward.errors
    assert 0 == back.code, back.errors
    assert before == schema_dump(legacy_database)  # which leaves invalid indexes out


@pytest.mark.parametrize("variant", REFUSED_VARIANTS)
def test_a_known_variant_is_refused_by_name_with_nothing_changed(legacy_database: CrmDatabase, variant: str) -> None:
    make_variant(legacy_database, variant)
    before = schema_dump(legacy_database)

    outcome = by_psql(legacy_database, LINKS)

    assert 3 == outcome.code
    assert REFUSED_VARIANTS[variant] in outcome.errors
    assert "Nothing was changed" in outcome.errors
    assert SUCCESS not in outcome.report
    assert before == schema_dump(legacy_database)


@pytest.mark.parametrize("drift", REPAIRED)
def test_a_drift_is_repaired_and_comes_back_as_it_was(legacy_database: CrmDatabase, drift: str) -> None:
    legacy_database.psql(REPAIRED[drift], url=legacy_database.owner_url)
    before = schema_dump(legacy_database)

    forward = by_psql(legacy_database, LINKS)
    again = by_psql(legacy_database, LINKS)
    back = by_psql(legacy_database, LINKS_BACK)

    assert forward.is_success, forward.report + forward.errors
    assert again.is_success, again.report + again.errors
    assert "nothing was left to do" in again.report
    assert 0 == back.code, back.errors
    assert before == schema_dump(legacy_database)


@pytest.mark.parametrize(
    "drift", [name for name in [*VARIANTS, *REPAIRED] if name not in {*REFUSED_VARIANTS, "key to another table"}]
)
def test_links_in_any_shape_of_crm_are_set_aside_and_come_back(legacy_database: CrmDatabase, drift: str) -> None:
    if drift in VARIANTS:
        make_variant(legacy_database, drift)
    else:
        legacy_database.psql(REPAIRED[drift], url=legacy_database.owner_url)
    schema = schema_dump(legacy_database)
    by_psql(legacy_database, LINKS)
    link_copies(legacy_database)
    before, migrated = every_row(legacy_database), schema_dump(legacy_database)

    refused = by_psql(legacy_database, LINKS_BACK)
    (n,) = re.findall(r"taskline\.discard_links=(\d+)", refused.errors)
    back = by_psql(legacy_database, LINKS_BACK, taskline__discard_links=n)
    schema_between = schema_dump(legacy_database)
    forward = by_psql(legacy_database, LINKS, taskline__bring_back="on")

    assert 0 == back.code, back.errors
    assert schema == schema_between
    assert forward.is_success, forward.report + forward.errors
    assert before == every_row(legacy_database)
    assert migrated == schema_dump(legacy_database)


def test_links_that_an_earlier_key_can_not_hold_are_named_and_nothing_changes(legacy_database: CrmDatabase) -> None:
    legacy_database.psql(REPAIRED["key to another table"], url=legacy_database.owner_url)
    by_psql(legacy_database, LINKS)
    link_copies(legacy_database)
    before = schema_dump(legacy_database)

    outcome = by_psql(legacy_database, LINKS_BACK, taskline__discard_links=3)

    assert 3 == outcome.code
    assert "lead_interactions.contact_id: found 3 rows, for example " in outcome.errors
    assert "can't hold: FOREIGN KEY (contact_id) REFERENCES contacts_backup(id)" in outcome.errors
    assert before == schema_dump(legacy_database)


@pytest.mark.parametrize("drift", REFUSED)
def test_a_drift_is_refused_by_name_with_nothing_changed(legacy_database: CrmDatabase, drift: str) -> None:
    sql, words = REFUSED[drift]
    legacy_database.psql(sql, url=legacy_database.owner_url)
    before = schema_dump(legacy_database)

    outcome = by_psql(legacy_database, LINKS)

    assert 3 == outcome.code
    assert words in outcome.errors
    assert "Nothing was changed" in outcome.errors
    assert SUCCESS not in outcome.report
    assert before == schema_dump(legacy_database)


@pytest.mark.parametrize("drift", INCOMPLETE)
def test_success_is_not_claimed_when_such_a_task_does_not_work(legacy_database: CrmDatabase, drift: str) -> None:
    sql, words = INCOMPLETE[drift]
    legacy_database.psql(sql, url=legacy_database.owner_url)

    outcome = by_psql(legacy_database, LINKS)

    assert 3 == outcome.code
    assert words in outcome.report
    assert SUCCESS not in outcome.report
    assert "❌ MIGRATION NOT COMPLETE" in outcome.report


def test_another_owner_is_refused_by_name(legacy_database: CrmDatabase) -> None:
    legacy_database.psql("ALTER TABLE lead_interactions OWNER TO postgres")

    outcome = by_psql(legacy_database, LINKS)

    assert (
        "lead_interactions: found owner postgres, expected that crm_owner is or belongs to the owner" in outcome.errors
    )


def test_a_database_without_the_table_is_refused_by_name(legacy_database: CrmDatabase) -> None:
    outcome = by_psql(legacy_database, LINKS, url=legacy_database.server.url("postgres"))

    assert "database postgres has no table lead_interactions on the search path" in outcome.errors


# What only a superuser can do to a database, and what others can do to a migration.


@pytest.mark.parametrize("file", [*FORWARD, *BACK], ids=lambda file: file.name)
@pytest.mark.parametrize(
    ("trap", "name"),
    [
        ("CREATE FUNCTION format(text, regclass) RETURNS text", "format(text,regclass)"),
        ("CREATE FUNCTION to_regclass(varchar) RETURNS regclass", "to_regclass(character varying)"),
        ("CREATE FUNCTION trap(name, varchar) RETURNS boolean", "=(name,character varying)"),
    ],
)
def test_what_somebody_put_in_the_way_of_the_servers_own_functions_is_never_called(
    database: CrmDatabase, file: Path, trap: str, name: str
) -> None:
    database.psql(f"GRANT CREATE ON SCHEMA public TO {APP}")
    steal = "BEGIN RAISE EXCEPTION 'stolen by %', current_user; END"
    operator = "CREATE OPERATOR = (FUNCTION = trap, LEFTARG = name, RIGHTARG = varchar)" if name[0] == "=" else ""
    database.psql(f"{trap} LANGUAGE plpgsql AS $$ {steal} $$; {operator}", url=database.app_url)
    before = schema_dump(database)

    outcome = by_psql(database, file)

    assert 3 == outcome.code
    assert f"could act in place of the server's own: public.{name} of {APP}" in outcome.errors
    assert "stolen" not in outcome.errors
    assert before == schema_dump(database)


def test_functions_of_the_owner_that_come_before_the_servers_own_are_passed_over(legacy_database: CrmDatabase) -> None:
    legacy_database.psql(
        """CREATE FUNCTION now() RETURNS timestamptz LANGUAGE sql AS $$ SELECT timestamptz '2000-01-01' $$;
           CREATE FUNCTION to_regclass(text) RETURNS regclass LANGUAGE sql AS $$ SELECT NULL::regclass $$;
           DO $$ BEGIN
             EXECUTE format('ALTER DATABASE %I SET search_path = public, pg_catalog', current_database());
           END $$""",
        url=legacy_database.owner_url,
    )

    outcome = by_psql(legacy_database, LINKS)

    assert outcome.is_success, outcome.report + outcome.errors


def test_an_event_trigger_that_refuses_changes_ends_the_run_with_its_words(legacy_database: CrmDatabase) -> None:
    legacy_database.psql(
        """CREATE FUNCTION refuse() RETURNS event_trigger LANGUAGE plpgsql AS $$
           BEGIN
             RAISE EXCEPTION 'no changes on Tuesdays';
           END $$;
           CREATE EVENT TRIGGER refuse ON ddl_command_start WHEN TAG IN ('ALTER TABLE') EXECUTE FUNCTION refuse()"""
    )

    refused = by_psql(legacy_database, LINKS)
    legacy_database.psql("DROP EVENT TRIGGER refuse")
    later = by_psql(legacy_database, LINKS)

    assert 3 == refused.code
    assert "no changes on Tuesdays" in refused.errors
    assert SUCCESS not in refused.report
    assert later.is_success


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ("ALTER TABLE interaction_events OWNER TO postgres", "interaction_events: found owner postgres"),
        (
            f"ALTER TABLE contacts OWNER TO postgres; GRANT SELECT ON contacts TO {OWNER}",
            f"contacts.id: found no right of {OWNER} to point a key at it",
        ),
        (
            f"REVOKE CREATE ON SCHEMA public FROM PUBLIC, {OWNER}; ALTER SCHEMA public OWNER TO postgres",
            f"schema public: found no right of {OWNER} to create objects",
        ),
    ],
)
def test_what_belongs_to_somebody_else_is_refused_by_name(legacy_database: CrmDatabase, sql: str, words: str) -> None:
    legacy_database.psql(sql)

    outcome = by_psql(legacy_database, LINKS)

    assert 3 == outcome.code
    assert words in outcome.errors
    assert "Nothing was changed" in outcome.errors


def test_tables_of_somebody_else_that_may_be_pointed_at_are_enough(legacy_database: CrmDatabase) -> None:
    legacy_database.psql(
        "ALTER TABLE contacts OWNER TO postgres; ALTER TABLE accounts OWNER TO postgres; "
        "ALTER TABLE contacts DISABLE ROW LEVEL SECURITY; ALTER TABLE accounts DISABLE ROW LEVEL SECURITY; "
        f"GRANT SELECT, REFERENCES ON contacts, accounts TO {OWNER}"
    )

    outcome = by_psql(legacy_database, LINKS)

    assert outcome.is_success, outcome.report + outcome.errors


def test_an_empty_search_path_is_refused_by_name(legacy_database: CrmDatabase) -> None:
    legacy_database.psql(f"ALTER DATABASE {legacy_database.name} SET search_path = ''")

    outcome = by_psql(legacy_database, LINKS)

    assert "has no table lead_interactions on the search path" in outcome.errors


def test_an_included_file_gives_the_session_its_search_path_back(legacy_database: CrmDatabase) -> None:
    script = f"SET search_path = public, pg_catalog;\n\\i '{LINKS}'\n\\echo path\nSHOW search_path;\n"

    done = subprocess.run(
        psql_command(legacy_database, "-At"), input=script, capture_output=True, text=True, check=True
    )

    assert SUCCESS in done.stdout
    assert done.stdout.endswith("path\npublic, pg_catalog\n")


def test_a_key_that_is_not_enforced_is_replaced_and_comes_back(legacy_database: CrmDatabase) -> None:
    if legacy_database.server.version < "18":
        pytest.skip("NOT ENFORCED is new in PostgreSQL 18")
    legacy_database.psql(
        "ALTER TABLE lead_interactions ADD contact_id uuid, "
        "ADD CONSTRAINT loose FOREIGN KEY (contact_id) REFERENCES contacts ON DELETE SET NULL NOT ENFORCED",
        url=legacy_database.owner_url,
    )
    before = schema_dump(legacy_database)

    forward, back = (by_psql(legacy_database, file) for file in (LINKS, LINKS_BACK))

    assert forward.is_success, forward.report + forward.errors
    assert 0 == back.code, back.errors
    assert before == schema_dump(legacy_database)
