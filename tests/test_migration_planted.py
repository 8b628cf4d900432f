"""Who may create in the schema gets nothing done with the owner's rights by a table that bears one of our names."""

import asyncio
import csv
import shlex
import subprocess
from pathlib import Path

import pytest

from errors import MigrationRefused
from migrations.runner import rollbacks
from tests.databases import APP, OWNER, CrmDatabase
from tests.linked_tasks import HISTORY_ASIDE, rows, set_aside
from tests.migration_runs import (
    BACK,
    FOLDER,
    FORWARD,
    LINKS,
    LINKS_BACK,
    by_psql,
    by_runner,
    psql_command,
    schema_dump,
)

pytestmark = pytest.mark.slow

FILES = [*FORWARD, *BACK]
TRAP = """
CREATE FUNCTION trap() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'stolen by %', current_user; END $$;
CREATE TRIGGER trap BEFORE INSERT OR UPDATE OR DELETE ON {name} FOR EACH STATEMENT EXECUTE FUNCTION trap();
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

ASIDE_PLANTED = {
    "lead_interactions_rolled_back_041": PLANTED["lead_interactions_rolled_back_041"],
    HISTORY_ASIDE: f"""
        CREATE TABLE {HISTORY_ASIDE} AS
          SELECT now() AS rolled_back_at, NULL::text AS stays_because, gen_random_uuid() AS interaction_id;""",
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
    assert "stolen" not in outcome.errors + outcome.report
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
    assert "stolen" not in outcome.errors + outcome.report


def test_default_privileges_open_none_of_the_tables_to_others(legacy_database: CrmDatabase) -> None:
    legacy_database.psql(
        f"ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO {APP}, PUBLIC", url=legacy_database.owner_url
    )

    outcomes = [by_psql(legacy_database, file) for file in (*FORWARD, *FORWARD)]

    assert [True] * len(outcomes) == [outcome.is_success for outcome in outcomes], outcomes[-1].errors
    assert "f|f" == legacy_database.psql(
        f"SELECT has_table_privilege('{APP}', 'taskline_saved_ddl', 'SELECT'), "
        f"has_table_privilege('{APP}', 'taskline_disputed_interactions', 'INSERT')"
    )


# Tables that come after the look for obstacles.


def planting_before(place: str, database: CrmDatabase, name: str, file: Path, folder: Path) -> Path:
    """Return a copy of a migration before a step of which the API's role, in a session of its own, plants a table."""
    text = file.read_text()
    assert 1 == text.count(place)
    plant = folder / "plant.sql"
    plant.write_text(f"{ASIDE_PLANTED[name]}{TRAP.format(name=name)};\n")
    command = shlex.join(psql_command(database, "-v", "ON_ERROR_STOP=1", "-f", str(plant), url=database.app_url))
    copy = folder / file.name
    copy.write_text(text.replace(place, f"\\! {command}\n{place}"))
    return copy


@pytest.mark.parametrize("name", ASIDE_PLANTED)
def test_a_table_planted_while_041_is_taken_back_gets_no_row(
    linked_database: CrmDatabase, tmp_path: Path, name: str
) -> None:
    linked_database.psql(f"GRANT CREATE ON SCHEMA public TO {APP}")
    before, schema = rows(linked_database), schema_dump(linked_database)
    file = planting_before("-- == Fence ==", linked_database, name, LINKS_BACK, tmp_path)

    outcome = by_psql(linked_database, file, taskline__discard_links=18)

    assert 3 == outcome.code
    assert "041 can't be taken back: tables of the migrations can't be trusted:" in outcome.errors
    assert f"public.{name}: found owner {APP}" in outcome.errors
    assert "stolen" not in outcome.errors + outcome.report
    assert before == rows(linked_database)
    linked_database.psql(f"DROP TABLE {name}; DROP FUNCTION trap")
    assert schema == schema_dump(linked_database)  # and no fence


@pytest.mark.parametrize("is_looked_for", [True, False])
def test_a_table_planted_before_rows_come_back_loses_none(
    linked_database: CrmDatabase, tmp_path: Path, *, is_looked_for: bool
) -> None:
    linked_database.psql(f"GRANT CREATE ON SCHEMA public TO {APP}")
    set_aside(linked_database)
    linked_database.psql(f"DROP TABLE {HISTORY_ASIDE}")
    file = planting_before("-- == Set aside ==", linked_database, HISTORY_ASIDE, LINKS, tmp_path)
    if not is_looked_for:  # as if it came after the second look
        head, tail = file.read_text().split("-- == Set aside ==")
        file.write_text(head + tail.replace("PERFORM pg_temp.refuse_planted_tables();", ""))

    outcome = by_psql(linked_database, file, taskline__bring_back="on")

    assert is_looked_for == (f"public.{HISTORY_ASIDE}: found owner {APP}" in outcome.errors), outcome.errors
    assert "stolen" not in outcome.errors + outcome.report
    assert "1" == linked_database.psql(f"SELECT count(*) FROM {HISTORY_ASIDE}")


# What is written to a file before the rollback.

SPY = """
CREATE FUNCTION spy() RETURNS integer LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN RAISE EXCEPTION 'stolen by %', current_user; END $$;
CREATE VIEW taskline_saved_ddl AS
  SELECT spy() AS migration, 'contact_id'::text AS object_name, 'DROP COLUMN'::text AS ddl;
GRANT ALL ON taskline_saved_ddl TO PUBLIC
"""
FALSE_FRIENDS = """
CREATE FUNCTION to_jsonb(lead_interactions) RETURNS jsonb LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'stolen by %', current_user; END $$;
CREATE FUNCTION concat_ws(text, text, text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'stolen by %', current_user; END $$;
"""


def written_by_psql(database: CrmDatabase, file: Path) -> list[dict[str, str]]:
    query = FOLDER / "links_at_risk.sql"
    subprocess.run(psql_command(database, "--csv", "-f", str(query), "-o", str(file)), check=True)
    with file.open(newline="") as opened:
        return list(csv.DictReader(opened))


@pytest.mark.parametrize("planted", [SPY, SAVED + TRAP.format(name="taskline_saved_ddl")])
def test_a_planted_list_of_041_is_not_read_for_the_export(
    linked_database: CrmDatabase, tmp_path: Path, planted: str
) -> None:
    linked_database.psql(f"DROP TABLE taskline_saved_ddl; GRANT CREATE ON SCHEMA public TO {APP}")
    linked_database.psql(planted, url=linked_database.app_url)

    links = written_by_psql(linked_database, tmp_path / "by psql.csv")
    with pytest.raises(MigrationRefused) as refused:
        asyncio.run(rollbacks.run(linked_database.owner_url, rollbacks.Wish(41, tmp_path / "links.csv"), print))

    assert 18 == len(links)
    assert "public.taskline_saved_ddl: found " in str(refused.value)
    assert "stolen" not in str(refused.value)
    with (tmp_path / "links.csv").open(newline="") as opened:
        assert links == list(csv.DictReader(opened))


def test_functions_of_others_are_not_called_for_the_export(linked_database: CrmDatabase, tmp_path: Path) -> None:
    linked_database.psql(f"GRANT CREATE ON SCHEMA public TO {APP}")
    linked_database.psql(FALSE_FRIENDS, url=linked_database.app_url)

    links = written_by_psql(linked_database, tmp_path / "links.csv")

    assert 18 == len(links)
    assert {True} == {bool(link["contact_name"]) == bool(link["contact_id"]) for link in links}


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
