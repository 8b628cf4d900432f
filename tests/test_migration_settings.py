"""Settings that a database or a role was given for good change nothing about a migration, and outlive it."""

import subprocess
from pathlib import Path

import pytest

from tests.databases import CrmDatabase
from tests.migration_runs import BACK, FORWARD, LINKS, SUCCESS, by_psql, psql_command, schema_dump

pytestmark = pytest.mark.slow

FILES = [*FORWARD, *BACK]
SETTINGS = {
    "quote_all_identifiers": "on",
    "standard_conforming_strings": "off",
    "plpgsql.extra_errors": "all",
    "plpgsql.extra_warnings": "all",
    "backslash_quote": "off",
}


def set_for_good(database: CrmDatabase, name: str, value: str) -> None:
    database.psql(f"ALTER DATABASE {database.name} SET {name} = '{value}'")


@pytest.mark.parametrize("name", SETTINGS)
def test_a_lasting_setting_changes_nothing(legacy_database: CrmDatabase, name: str) -> None:
    set_for_good(legacy_database, name, SETTINGS[name])
    before = schema_dump(legacy_database)

    there = [by_psql(legacy_database, file) for file in (*FORWARD, LINKS)]
    back = [by_psql(legacy_database, file) for file in BACK]

    assert [True] * len(there) == [outcome.is_success for outcome in there], there
    assert "nothing was left to do" in there[-1].report
    assert not any("WARNING" in outcome.errors for outcome in there)
    assert [0] * len(back) == [outcome.code for outcome in back], back
    assert before == schema_dump(legacy_database)


def test_the_session_has_its_settings_back_afterwards(legacy_database: CrmDatabase) -> None:
    for name, value in SETTINGS.items():
        set_for_good(legacy_database, name, value)
    script = f"\\i {LINKS}\n\\echo settings\n" + "".join(f"SHOW {name};\n" for name in SETTINGS)

    done = subprocess.run(
        psql_command(legacy_database, "-At"), input=script, capture_output=True, text=True, check=True
    )

    assert SUCCESS in done.stdout
    assert list(SETTINGS.values()) == done.stdout.partition("\nsettings\n")[2].splitlines()


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_triggers_that_do_not_fire_for_good_are_refused(database: CrmDatabase, file: Path) -> None:
    set_for_good(database, "session_replication_role", "replica")
    before = schema_dump(database)

    outcome = by_psql(database, file)

    assert 3 == outcome.code
    assert "session_replication_role: found replica, expected origin, and crm_owner may not set it" in outcome.errors
    assert f"ALTER DATABASE {database.name} RESET session_replication_role" in outcome.errors
    assert before == schema_dump(database)


def test_who_may_let_triggers_fire_again_does_so_for_the_run(legacy_database: CrmDatabase) -> None:
    set_for_good(legacy_database, "session_replication_role", "replica")

    outcome = by_psql(legacy_database, LINKS, url=legacy_database.superuser_url)

    assert outcome.is_success, outcome.report + outcome.errors
