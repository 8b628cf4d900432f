"""Who may create in the schema gets nothing done with the owner's rights by a table that bears one of our names."""

from pathlib import Path

import pytest

from errors import MigrationRefused
from tests.databases import APP, OWNER, CrmDatabase
from tests.migration_runs import LINKS, LINKS_BACK, TENANT, TENANT_BACK, by_psql, by_runner, schema_dump

pytestmark = pytest.mark.slow

FILES = [LINKS, LINKS_BACK, TENANT, TENANT_BACK]
TRAP = """
CREATE FUNCTION trap() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'stolen by %', current_user; END $$;
CREATE TRIGGER trap BEFORE INSERT ON {name} FOR EACH ROW EXECUTE FUNCTION trap();
GRANT ALL ON {name} TO PUBLIC
"""
SAVED = """
CREATE TABLE taskline_saved_ddl (
  step integer GENERATED ALWAYS AS IDENTITY, migration integer, kind text, relation text, object_name text, ddl text,
  saved_at timestamptz DEFAULT now());
"""
PLANTED = {
    "taskline_saved_ddl": SAVED,
    "taskline_disputed_interactions": """
        CREATE TABLE taskline_disputed_interactions (interaction_id uuid PRIMARY KEY, seen_by uuid, named uuid);""",
    "lead_interactions_rolled_back_041": """
        CREATE TABLE lead_interactions_rolled_back_041 AS
          SELECT now() AS rolled_back_at, NULL::text AS stays_because, t.* FROM lead_interactions t WITH NO DATA;""",
}


@pytest.mark.parametrize("name", PLANTED)
@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_a_planted_table_is_refused_before_a_change(legacy_database: CrmDatabase, file: Path, name: str) -> None:
    if file != LINKS:
        by_psql(legacy_database, LINKS)
        legacy_database.psql("DROP TABLE taskline_saved_ddl")
    legacy_database.psql(f"GRANT CREATE ON SCHEMA public TO {APP}")
    legacy_database.psql(PLANTED[name] + TRAP.format(name=name), url=legacy_database.app_url)
    before = schema_dump(legacy_database)

    outcome = by_psql(legacy_database, file)

    assert 3 == outcome.code
    assert f"public.{name}: found owner {APP}, who could act with the rights of {OWNER}" in outcome.errors
    assert f"Next: DROP TABLE public.{name};" in outcome.errors
    assert "stolen" not in outcome.errors
    assert before == schema_dump(legacy_database)


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        (SAVED + TRAP.format(name="taskline_saved_ddl"), "found trigger trap, which would act with the rights of"),
        (
            SAVED + f"GRANT SELECT, INSERT ON taskline_saved_ddl TO {APP}",
            f"Next: REVOKE INSERT ON public.taskline_saved_ddl FROM {APP};",
        ),
        (
            SAVED + f"GRANT UPDATE (ddl) ON taskline_saved_ddl TO {APP}",
            f"Next: REVOKE UPDATE ON public.taskline_saved_ddl FROM {APP};",
        ),
        (SAVED + "CREATE RULE r AS ON INSERT TO taskline_saved_ddl DO ALSO NOTIFY x", "found rule r"),
        ("CREATE VIEW taskline_saved_ddl AS SELECT 1 AS step", "found something that is no ordinary table"),
    ],
)
def test_a_table_of_the_owner_that_others_act_by_is_refused_with_the_remedy(
    legacy_database: CrmDatabase, sql: str, words: str
) -> None:
    legacy_database.psql(sql, url=legacy_database.owner_url)

    outcome = by_psql(legacy_database, LINKS)

    assert 3 == outcome.code
    assert "041 can't start:\n  - public.taskline_saved_ddl: " in outcome.errors
    assert words in outcome.errors
    assert "stolen" not in outcome.errors


def test_default_privileges_open_none_of_the_tables_to_others(legacy_database: CrmDatabase) -> None:
    legacy_database.psql(
        f"ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO {APP}, PUBLIC", url=legacy_database.owner_url
    )

    outcomes = [by_psql(legacy_database, file) for file in (LINKS, TENANT, LINKS, TENANT)]

    assert [True] * 4 == [outcome.is_success for outcome in outcomes], outcomes[-1].errors
    assert "f|f" == legacy_database.psql(
        f"SELECT has_table_privilege('{APP}', 'taskline_saved_ddl', 'SELECT'), "
        f"has_table_privilege('{APP}', 'taskline_disputed_interactions', 'INSERT')"
    )


LEDGER = """CREATE TABLE taskline_migrations (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, run_id uuid, version integer, file text, hash text, outcome text,
  started_at timestamptz, duration_ms integer, fingerprint text);"""


@pytest.mark.parametrize("is_of_owner", [False, True])
def test_a_planted_ledger_is_refused(legacy_database: CrmDatabase, is_of_owner: bool) -> None:
    legacy_database.psql(f"GRANT CREATE ON SCHEMA public TO {APP}")
    url = legacy_database.owner_url if is_of_owner else legacy_database.app_url
    legacy_database.psql(LEDGER + TRAP.format(name="taskline_migrations"), url=url)
    before = schema_dump(legacy_database)

    with pytest.raises(MigrationRefused) as refused:
        by_runner(legacy_database)

    found = "a table with triggers or rules" if is_of_owner else f"a table of {APP}"
    assert f"taskline_migrations: found {found}, expected an ordinary table" in str(refused.value)
    assert before == schema_dump(legacy_database)
