"""What somebody put in the way of the server's own functions is named by every command, and never called."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.databases import APP, CrmDatabase
from tests.migration_runs import schema_dump

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parent.parent
STEAL = "BEGIN RAISE EXCEPTION 'stolen by %', current_user; END"
COMMANDS = ["up", "status", "verify", "plan", "doctor", "rollback 42", "rollback 41", "rehearse"]
OPERATOR = "CREATE OPERATOR = (FUNCTION = trap, LEFTARG = name, RIGHTARG = varchar)"
TRAPS = {
    "has_table_privilege(oid, regclass, text)": "has_table_privilege(oid, regclass, text) RETURNS boolean",
    "to_regclass(character varying)": "to_regclass(varchar) RETURNS regclass",
    "=(name, character varying)": "trap(name, varchar) RETURNS boolean",
}


def set_trap(database: CrmDatabase, name: str) -> None:
    database.psql(f"GRANT CREATE ON SCHEMA public TO {APP}")
    operator = OPERATOR if name[0] == "=" else ""
    make = f"CREATE FUNCTION {TRAPS[name]} LANGUAGE plpgsql AS $$ {STEAL} $$; {operator}"
    database.psql(make, url=database.app_url)


def run(database: CrmDatabase, command: str, *arguments: str) -> tuple[int, str]:
    whole = [sys.executable, "-m", "commands", "migrate", *command.split(), "--url", database.owner_url, *arguments]
    done = subprocess.run(whole, cwd=ROOT, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_names_it_and_calls_nothing(database: CrmDatabase, command: str) -> None:
    for name in TRAPS:
        set_trap(database, name)
    before = schema_dump(database)

    code, said = run(database, command)

    assert 14 == code, said
    assert "has objects of others that could act in place of the server's own: " in said
    assert all(f"public.{name} of {APP}" in said for name in TRAPS)
    assert "stolen" not in said
    assert before == schema_dump(database)


def test_functions_of_the_owner_and_of_superusers_are_no_matter(database: CrmDatabase) -> None:
    make = "CREATE FUNCTION {}(uuid, uuid) RETURNS text LANGUAGE sql AS 'SELECT NULL::text'"
    database.psql(make.format("format"), url=database.owner_url)
    database.psql(make.format("concat"))

    assert 0 == run(database, "verify")[0]
