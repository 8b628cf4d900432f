"""What the runner says, and doesn't do, when there is nothing to do or somebody else must do it."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import pytest

from errors import MigrationFileUnusable, MigrationRefused, TasklineError
from migrations.runner import apply, status
from tests.databases import APP, OWNER, CrmDatabase
from tests.migration_runs import BACK, NUMBERS, VERSIONS, by_psql, by_runner, ledger_says, schema_dump

pytestmark = pytest.mark.slow

OUTCOMES = "SELECT coalesce(string_agg(version || ' ' || outcome, ', ' ORDER BY id), '') FROM taskline_migrations"


def refusal(run: Callable[[], object]) -> TasklineError:
    with pytest.raises(TasklineError) as caught:
        run()
    return caught.value


def rights(role: str) -> str:
    names = "'leads', 'lead_interactions'"  # what the triggers and the API change
    return (
        f"SELECT string_agg(has_table_privilege('{role}', oid, 'UPDATE')::text, ',') FROM pg_class "
        f"WHERE relname IN ({names})"
    )


# The API's role.


def test_an_api_role_that_is_not_there_is_refused_in_a_database_that_is_up_to_date(database: CrmDatabase) -> None:
    refused = refusal(lambda: by_runner(database, api_role="nosuch_role"))

    assert isinstance(refused, MigrationRefused)
    assert "--api-role nosuch_role: the server has no such role" in str(refused)


def test_an_api_role_that_is_not_there_is_refused_before_anything_is_done_for_it(legacy_database: CrmDatabase) -> None:
    before = schema_dump(legacy_database)

    refusal(lambda: by_runner(legacy_database, through=41, api_role="nosuch_role"))

    assert before == schema_dump(legacy_database)
    assert "t" == legacy_database.psql("SELECT to_regclass('taskline_migrations') IS NULL")


@pytest.mark.parametrize("role", ["postgres", OWNER])
def test_an_api_role_that_row_security_does_not_bind_is_refused(database: CrmDatabase, role: str) -> None:
    refused = refusal(lambda: by_runner(database, api_role=role))

    assert f"--api-role {role}: row security doesn't bind it" in str(refused)


def test_a_second_api_role_gets_its_rights_in_a_database_that_is_up_to_date(database: CrmDatabase) -> None:
    role = f"second_{uuid4().hex[:12]}"
    database.psql(f"CREATE ROLE {role} LOGIN")
    try:
        before = database.psql(rights(role))
        by_runner(database, api_role=role)
        after = database.psql(rights(role))
        again = by_runner(database, api_role=role)
    finally:
        database.psql(f"DROP OWNED BY {role}; DROP ROLE {role}")

    assert ["false,false", "true,true"] == [before, after]
    assert all(line.endswith("in place, nothing to do") for line in again)


# Somebody who isn't the owner.


def test_the_status_for_somebody_else_is_refused_in_one_sentence(database: CrmDatabase) -> None:
    refused = refusal(lambda: asyncio.run(status.standings(database.app_url, print)))

    assert isinstance(refused, MigrationRefused)
    assert str(refused).endswith("permission denied for table taskline_migrations. Run it as the owner of the tables.")


def test_verify_answers_somebody_else_too_for_it_reads_the_catalogue_alone(database: CrmDatabase) -> None:
    assert all(check.is_met for check in asyncio.run(status.verify(database.app_url, print)))


def test_verify_finds_what_the_role_of_the_api_may_not_do(database: CrmDatabase) -> None:
    role = f"second_{uuid4().hex[:12]}"
    database.psql(f"CREATE ROLE {role} LOGIN")
    try:
        before = asyncio.run(status.checked(database.owner_url, print, api_role=role))
        by_runner(database, api_role=role)
        after = asyncio.run(status.checked(database.owner_url, print, api_role=role))
    finally:
        database.psql(f"DROP OWNED BY {role}; DROP ROLE {role}")
    unknown = refusal(lambda: asyncio.run(status.checked(database.owner_url, print, api_role="nosuch_role")))

    assert any("no SELECT" in check.detail for check in before if not check.is_met)
    assert all(check.is_met for check in after)
    assert "--api-role nosuch_role: the server has no such role" in str(unknown)


# Nothing to do.


@pytest.mark.parametrize("number", [VERSIONS[0] - 1, VERSIONS[-1] + 1])
def test_a_number_that_no_file_has_is_refused(database: CrmDatabase, number: int) -> None:
    refused = refusal(lambda: by_runner(database, through=number))

    assert isinstance(refused, MigrationFileUnusable)
    assert f"There is no migration 0{number}; there are {', '.join(NUMBERS)}" in str(refused)


def test_nothing_is_in_place_in_an_empty_database(legacy_database: CrmDatabase) -> None:
    legacy_database.psql("DROP SCHEMA public CASCADE; CREATE SCHEMA public AUTHORIZATION crm_owner")

    standings = asyncio.run(status.standings(legacy_database.owner_url, print))

    assert ["not in place"] * len(VERSIONS) == [standing.words for standing in standings]


@pytest.mark.parametrize("version", VERSIONS[:0:-1])
def test_what_was_never_there_is_not_taken_back_and_not_recorded(legacy_database: CrmDatabase, version: int) -> None:
    before = schema_dump(legacy_database)
    said: list[str] = []

    run = asyncio.run(apply.rollback(legacy_database.owner_url, version, say=said.append))

    assert f"ℹ️ there is nothing to take back: 0{version} is not in place; nothing was changed" in said
    assert [] == run.entries
    assert before == schema_dump(legacy_database)
    assert "t" == legacy_database.psql("SELECT to_regclass('taskline_migrations') IS NULL")


def test_what_psql_took_back_is_recorded_once(legacy_database: CrmDatabase) -> None:
    by_runner(legacy_database)
    for file in BACK:
        by_psql(legacy_database, file)

    for _ in range(2):
        asyncio.run(apply.rollback(legacy_database.owner_url, VERSIONS[-1], say=print))

    assert ledger_says("baselined", "applied") + f", {VERSIONS[-1]} rolled back" == legacy_database.psql(OUTCOMES)


# Each word once.


def test_a_refusal_says_its_hint_once_and_nothing_about_transactions(legacy_database: CrmDatabase) -> None:
    legacy_database.psql("ALTER TABLE lead_interactions ADD contact_id text", url=legacy_database.owner_url)
    said: list[str] = []

    refused = refusal(lambda: asyncio.run(apply.up(legacy_database.owner_url, api_role=APP, say=said.append)))

    assert 1 == str(refused).count("Nothing was changed")
    assert "HINT" not in str(refused)
    assert [] == [line for line in said if "transaction" in line]


def test_a_file_that_leaves_a_transaction_open_is_undone_and_its_failure_recorded(
    legacy_database: CrmDatabase, tmp_path: Path
) -> None:
    file = tmp_path / "099_open.sql"
    file.write_text("BEGIN;\nCREATE TABLE left_open ();\nSELECT 1/0;\n")

    refusal(lambda: by_runner(legacy_database, file))

    assert "t" == legacy_database.psql("SELECT to_regclass('left_open') IS NULL")
    assert "99 failed" == legacy_database.psql(OUTCOMES)
