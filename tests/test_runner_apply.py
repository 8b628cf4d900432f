"""The runner does what is missing, once, and says clearly what stops it."""

import asyncio
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from uuid import uuid4

import pytest

from errors import (
    MigrationBlocked,
    MigrationFailed,
    MigrationFileUnusable,
    MigrationMissing,
    MigrationRefused,
    MigrationServerUnreachable,
    MigrationSignInRefused,
    MigrationTargetUnknown,
    TasklineError,
)
from migrations.runner import apply, files, status
from migrations.runner.sessions import LOCK_KEY
from tests.databases import OWNER, CrmDatabase
from tests.migration_runs import (
    LINKS,
    SUCCESS,
    TENANT,
    VERSIONS,
    by_psql,
    by_runner,
    fingerprint,
    ledger_says,
    open_transaction,
)

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parent.parent
LEDGER = "SELECT string_agg(version || ' ' || outcome, ', ' ORDER BY id) FROM taskline_migrations"


def failure(url: str, **options: str) -> TasklineError:
    with pytest.raises(TasklineError) as caught:
        asyncio.run(apply.up(url, say=lambda _: None, only=options.get("only")))
    return caught.value


def words_of(database: CrmDatabase) -> list[str]:
    return [standing.words for standing in asyncio.run(status.standings(database.owner_url, print))]


def test_a_crm_without_a_ledger_is_baselined_and_brought_up(legacy_database: CrmDatabase) -> None:
    first = by_runner(legacy_database)
    second = by_runner(legacy_database)

    assert ledger_says("baselined", "applied") == legacy_database.psql(LEDGER)
    assert len(VERSIONS) - 1 == "\n".join(first).count(SUCCESS)
    assert [f"{file.name}: in place, nothing to do" for file in files.forward()] == second


def test_an_empty_database_gets_the_baseline_too(legacy_database: CrmDatabase) -> None:
    legacy_database.psql("DROP SCHEMA public CASCADE; CREATE SCHEMA public AUTHORIZATION crm_owner")

    by_runner(legacy_database)

    assert ledger_says("applied") == legacy_database.psql(LEDGER)


def test_somebody_elses_database_gets_nothing(legacy_database: CrmDatabase) -> None:
    legacy_database.psql(
        "DROP SCHEMA public CASCADE; CREATE SCHEMA public AUTHORIZATION crm_owner; CREATE TABLE books (isbn text)"
    )

    refused = failure(legacy_database.owner_url)

    assert isinstance(refused, MigrationRefused)
    assert "is not empty, and has no lead_interactions on the search path" in str(refused)
    assert "books" == legacy_database.psql(
        "SELECT string_agg(relname, ',') FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
    )


def test_what_psql_made_is_adopted(legacy_database: CrmDatabase) -> None:
    by_psql(legacy_database, LINKS)
    before = words_of(legacy_database)

    said = by_runner(legacy_database, through=41)

    assert ["in place, not recorded"] * 2 + ["not in place"] * (len(VERSIONS) - 2) == before
    assert "made by other means" in "\n".join(said)
    assert "40 baselined, 41 adopted" == legacy_database.psql(LEDGER)


def test_what_the_ledger_says_is_not_believed_without_the_catalogue(database: CrmDatabase) -> None:
    database.psql("DROP INDEX idx_lead_interactions_contact_id", url=database.owner_url)

    before = words_of(database)
    with pytest.raises(MigrationMissing, match=r"041\.idx_lead_interactions_contact_id: found no such index"):
        asyncio.run(status.verify(database.owner_url, print))
    by_runner(database)

    assert "recorded, but not in place: run ./taskline migrate up" == before[1]
    assert all(check.is_met for check in asyncio.run(status.verify(database.owner_url, print)))


def test_a_rollback_is_recorded_and_can_be_taken_forward_again(legacy_database: CrmDatabase) -> None:
    by_runner(legacy_database)
    before = fingerprint(legacy_database)

    for version in VERSIONS[:0:-1]:
        asyncio.run(apply.rollback(legacy_database.owner_url, version, say=print))
    back = words_of(legacy_database)
    by_runner(legacy_database)

    assert {"not in place"} == set(back[1:])
    assert before == fingerprint(legacy_database)


def test_of_two_runners_the_second_waits_and_has_nothing_to_do(legacy_database: CrmDatabase) -> None:
    said: list[list[str]] = [[], []]

    async def both() -> list[apply.Run]:
        runs = (apply.up(legacy_database.owner_url, say=lines.append) for lines in said)
        return await asyncio.gather(*runs)

    runs = asyncio.run(both())

    waiter = next(lines for lines in said if any("Waiting for another migration" in line for line in lines))
    assert {0, len(VERSIONS)} == {len(run.entries) for run in runs}
    assert f"({OWNER}, taskline migrate)" in waiter[0]
    assert waiter[-1].endswith("in place, nothing to do")


def test_psql_and_the_runner_exclude_each_other(legacy_database: CrmDatabase) -> None:
    said: list[str] = []

    with open_transaction(legacy_database, f"SELECT pg_advisory_lock({LOCK_KEY})") as holder:

        def say(line: str) -> None:
            said.append(line)
            holder.terminate()

        asyncio.run(apply.up(legacy_database.owner_url, say=say))

    assert "Waiting for another migration of this database" in said[0]


def test_a_holder_that_may_not_be_looked_into_is_named_all_the_same(legacy_database: CrmDatabase) -> None:
    said: list[str] = []
    url = legacy_database.superuser_url

    with open_transaction(legacy_database, f"SELECT pg_advisory_lock({LOCK_KEY})", url=url) as holder:

        def say(line: str) -> None:
            said.append(line)
            holder.terminate()

        asyncio.run(apply.up(legacy_database.owner_url, say=say))

    assert re.fullmatch(
        r"Waiting for another migration of this database: process \d+ \(postgres, psql\), "
        r"connected since a time that its role keeps to itself\.",
        said[0],
    )


def test_a_failed_file_is_recorded_and_the_run_ends_there(legacy_database: CrmDatabase) -> None:
    legacy_database.psql("ALTER TABLE lead_interactions ADD contact_id text", url=legacy_database.owner_url)

    refused = failure(legacy_database.owner_url)

    assert isinstance(refused, MigrationRefused)
    assert "041_extend_interactions_to_contacts_and_accounts.sql: 041 can't start" in str(refused)
    assert "found type text, expected uuid" in str(refused)
    assert "40 baselined, 41 failed" == legacy_database.psql(LEDGER)


def test_a_blocked_lock_ends_in_an_error_of_its_own(legacy_database: CrmDatabase) -> None:
    legacy_database.psql(f"ALTER ROLE {OWNER} IN DATABASE {legacy_database.name} SET taskline.lock_budget = '200ms'")
    with open_transaction(legacy_database, "SELECT FROM lead_interactions LIMIT 1"):
        blocked = failure(legacy_database.owner_url)

    assert isinstance(blocked, MigrationBlocked)
    assert "it goes on where it stopped" in str(blocked)


def test_a_fault_in_a_file_is_named_with_its_line(legacy_database: CrmDatabase, tmp_path: Path) -> None:
    file = tmp_path / "099_broken.sql"
    file.write_text("SELECT 1;\n\nSELECT 1/0;\n")

    failed = failure(legacy_database.owner_url, only=str(file))

    assert isinstance(failed, MigrationFailed)
    assert "099_broken.sql, line 3 (SQLSTATE 22012): division by zero" in str(failed)


def test_a_server_that_goes_away_midway_is_named(legacy_database: CrmDatabase, tmp_path: Path) -> None:
    file = tmp_path / "099_suicide.sql"
    file.write_text("SELECT pg_terminate_backend(pg_backend_pid());\n")

    lost = failure(legacy_database.owner_url, only=str(file))

    assert isinstance(lost, MigrationServerUnreachable)
    assert "was lost" in str(lost)


def test_a_statement_that_somebody_cancels_is_a_failure_with_its_line(
    legacy_database: CrmDatabase, tmp_path: Path
) -> None:
    file = tmp_path / "099_cancelled.sql"
    file.write_text("SELECT pg_cancel_backend(pg_backend_pid());\n")

    failed = failure(legacy_database.owner_url, only=str(file))

    assert isinstance(failed, MigrationFailed)
    assert "099_cancelled.sql, line 1 (SQLSTATE 57014)" in str(failed)


def test_a_read_only_server_is_refused(legacy_database: CrmDatabase) -> None:
    legacy_database.psql(f"ALTER DATABASE {legacy_database.name} SET default_transaction_read_only = on")

    assert "is read-only" in str(failure(legacy_database.owner_url, only=str(LINKS)))


def test_a_user_without_rights_is_refused(legacy_database: CrmDatabase) -> None:
    assert "found owner crm_owner" in str(failure(legacy_database.app_url, only=str(LINKS)))


def test_each_way_not_to_get_in_has_its_own_words_and_never_the_password(legacy_database: CrmDatabase) -> None:
    right = legacy_database.owner_url
    secret = f"secret-{uuid4()}"
    server = legacy_database.server
    failures = [
        failure(server.url(legacy_database.name, OWNER, password=secret)),
        failure(server.url("no_such_database", OWNER, password="owner's password")),
        failure(f"postgresql://{OWNER}:{secret}@no-such-host.invalid/crm"),
        failure(f"postgresql://{OWNER}:{secret}@127.0.0.1:1/crm"),
        failure(f"mysql://{OWNER}:{secret}@host/crm"),
        failure(right, only="099_none.sql"),
    ]

    assert [
        MigrationSignInRefused,
        MigrationSignInRefused,
        MigrationServerUnreachable,
        MigrationServerUnreachable,
        MigrationTargetUnknown,
        MigrationFileUnusable,
    ] == [type(each) for each in failures]
    assert not any(secret in str(each) for each in failures)
    ours = [each for each in TasklineError.__subclasses__() if each.__name__.startswith("Migration")]
    assert len(ours) == len({each.exit_code for each in ours} - {0, 1, 2})


@pytest.mark.parametrize("folder", ["", "database/migrations/", "migrations/", f"{LINKS.parent}/"])
def test_a_file_is_found_by_name_or_path(folder: str) -> None:
    assert 41 == files.named(folder + LINKS.name).version


@pytest.fixture
def helpers(tmp_path: Path) -> Path:
    """A folder with the two helpers and a `taskline` that runs in the environment of the tests."""
    for name in ("run-migration-devtest", "run-migration-devtest.js"):
        shutil.copy(ROOT / name, tmp_path / name)
    launcher = tmp_path / "taskline"
    launcher.write_text(f'#!/bin/sh\nPYTHONPATH="{ROOT}" exec "{sys.executable}" -m commands "$@"\n')
    launcher.chmod(0o755)
    return tmp_path


@pytest.mark.parametrize(
    "program", ["./run-migration-devtest", pytest.param("run-migration-devtest.js", marks=pytest.mark.node)]
)
def test_the_helper_works_as_the_instructions_type_it(
    legacy_database: CrmDatabase, helpers: Path, program: str
) -> None:
    command = [_node(), program] if program.endswith(".js") else [program]
    environment = os.environ | {"DEVTEST_DATABASE_URL": legacy_database.owner_url}

    done, missing = (
        subprocess.run([*command, name], cwd=helpers, env=environment, capture_output=True, text=True, check=False)
        for name in (LINKS.name, "099_none.sql")
    )

    assert (0, True) == (done.returncode, SUCCESS in done.stdout), done.stderr
    assert MigrationFileUnusable.exit_code == missing.returncode
    assert "There is no migration file 099_none.sql" in missing.stderr


def _node() -> str:
    if program := shutil.which("node"):
        return program
    missing = "Node.js is not installed: `apt-get install nodejs` on Debian."
    if os.environ.get("CI") == "true":
        pytest.fail(missing)
    pytest.skip(missing)


def test_a_tenant_migration_alone_is_refused_before_041(legacy_database: CrmDatabase) -> None:
    refused = failure(legacy_database.owner_url, only=str(TENANT))

    assert "run 041_extend_interactions_to_contacts_and_accounts.sql first" in str(refused)
