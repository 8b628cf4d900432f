"""Production takes only what has run on staging, and asks before it changes anything."""

import json
import os
import pty
import subprocess
from pathlib import Path

import pytest

from tests.checkouts import PRODUCTION, STAGING, Checkout, make_checkout
from tests.databases import OWNER, CrmDatabase
from tests.deadlines import DEADLINE_S
from tests.migration_runs import (
    FORWARD,
    LINKS,
    NUMBERS,
    TENANT,
    VERSIONS,
    by_psql,
    by_runner,
    ledger_says,
    schema_dump,
)

pytestmark = pytest.mark.slow

LAST = str(VERSIONS[-1])
LEDGER = "SELECT string_agg(version || ' ' || outcome, ', ' ORDER BY id) FROM taskline_migrations"
NOT_PROMOTED, REFUSED = 18, 14
EMPTY = [
    f"DROP SCHEMA public CASCADE; CREATE SCHEMA public AUTHORIZATION {OWNER}; GRANT USAGE ON SCHEMA public TO PUBLIC",
    "TRUNCATE lead_interactions CASCADE",
]


@pytest.fixture
def checkout(tmp_path: Path, legacy_database: CrmDatabase, database: CrmDatabase) -> Checkout:
    """A project that knows production, which is `legacy_database`, and a staging that has all migrations."""
    made = make_checkout(tmp_path / "project")
    made.names("production", legacy_database)
    made.names("staging", database)
    return made


@pytest.fixture
def unmigrated_staging(checkout: Checkout, second_legacy_database: CrmDatabase) -> CrmDatabase:
    """A staging that has none."""
    checkout.names("staging", second_legacy_database)
    return second_legacy_database


@pytest.fixture
def receipt(checkout: Checkout) -> Path:
    """The receipt of a staging that can't be asked any more."""
    done = checkout.run(*STAGING)
    assert 0 == done.returncode, done.stderr
    (checkout.folder / ".env.staging").unlink()
    return checkout.receipt


def is_untouched(database: CrmDatabase) -> bool:
    return "t" == database.psql("SELECT to_regclass('taskline_migrations') IS NULL")


# Staging leaves a receipt.


def test_staging_leaves_a_receipt_that_only_its_owner_may_read(
    checkout: Checkout, unmigrated_staging: CrmDatabase
) -> None:
    done = checkout.run(*STAGING)

    document = json.loads(checkout.receipt.read_text())
    oid = unmigrated_staging.psql("SELECT oid FROM pg_database WHERE datname = current_database()")
    number = unmigrated_staging.psql("SELECT system_identifier FROM pg_control_system()")
    assert 0 == done.returncode, done.stderr
    assert f"The receipt for production is in {checkout.receipt}.\nDone on " in done.stdout
    assert done.stdout.rstrip().endswith(
        f"s: 040 baselined, {', '.join(f'{number} applied' for number in NUMBERS[1:])}."
    )
    assert 0o600 == checkout.receipt.stat().st_mode & 0o777
    assert ["staging", 1] == [document["environment"], document["format"]]
    assert f"{number}/{oid}" == document["database"]["id"]
    assert [(version, "applied" if version > 40 else "baselined") for version in VERSIONS] == [
        (item["version"], item["outcome"]) for item in document["migrations"]
    ]


def test_another_run_with_nothing_to_do_leaves_the_receipt_again(checkout: Checkout) -> None:
    checkout.run(*STAGING)
    checkout.receipt.unlink()

    done = checkout.run(*STAGING, "--json")

    assert str(checkout.receipt) == json.loads(done.stdout)["receipt"]
    assert checkout.receipt.exists()


def test_the_receipt_goes_where_it_is_told(checkout: Checkout) -> None:
    to = checkout.folder / "here.json"

    done = checkout.run(*STAGING, "--receipt-to", str(to))

    assert f"in {to}." in done.stdout
    assert (True, False) == (to.exists(), checkout.receipt.exists())


def test_a_receipt_that_can_not_be_written_is_refused_before_anything_runs(
    checkout: Checkout, unmigrated_staging: CrmDatabase
) -> None:
    done = checkout.run(*STAGING, "--receipt-to", str(checkout.folder / "none" / "here.json"))

    assert REFUSED == done.returncode
    assert "No such file or directory. Nothing was changed. Choose another --receipt-to" in done.stderr
    assert is_untouched(unmigrated_staging)


def test_a_device_stays_and_an_empty_file_stays_empty_when_the_run_is_refused(
    checkout: Checkout, unmigrated_staging: CrmDatabase
) -> None:
    empty = checkout.folder / "empty.json"
    empty.touch()
    device = checkout.folder / "device"
    os.mkfifo(device)

    to_device = checkout.run(*STAGING, "--receipt-to", str(device))
    checkout.names("staging", "postgresql://me:secret@127.0.0.1:1/crm")
    to_empty = checkout.run(*STAGING, "--receipt-to", str(empty))

    assert (REFUSED, 12) == (to_device.returncode, to_empty.returncode)
    assert f"can't be written to {device}: what is there isn't a regular file. Nothing was changed." in to_device.stderr
    assert (True, "") == (device.is_fifo(), empty.read_text())
    assert is_untouched(unmigrated_staging)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--env", "staging", "--receipt", "x"), "--receipt is for production"),
        (("--env", "production", "--receipt-to", "x"), "--receipt-to is for staging"),
        (("--env", "staging", "--url", "postgresql://host/db"), "Both --env and --url were given"),
    ],
)
def test_options_that_do_not_go_together_are_a_wrong_command_line(
    checkout: Checkout, arguments: tuple[str, ...], words: str
) -> None:
    done = checkout.run("migrate", "up", *arguments)

    assert 2 == done.returncode
    assert f"Error: {words}" in done.stderr


def test_devtest_leaves_no_receipt(checkout: Checkout, database: CrmDatabase) -> None:
    checkout.names("devtest", database)

    done = checkout.run("migrate", "up", "--env", "devtest", "--json")

    assert json.loads(done.stdout)["receipt"] is None
    assert not checkout.receipt.exists()


# Production takes it.


def test_production_takes_what_the_receipt_says(
    checkout: Checkout, legacy_database: CrmDatabase, receipt: Path
) -> None:
    done = checkout.run(*PRODUCTION, "--receipt", str(receipt), "--yes")

    assert 0 == done.returncode, done.stderr
    assert ledger_says("baselined", "applied") == legacy_database.psql(LEDGER)


def test_production_asks_staging_itself(checkout: Checkout, legacy_database: CrmDatabase) -> None:

    done = checkout.run(*PRODUCTION, "--yes")

    assert 0 == done.returncode, done.stderr
    assert ledger_says("baselined", "applied") == legacy_database.psql(LEDGER)


def test_one_migration_can_be_promoted_before_the_next(
    checkout: Checkout, legacy_database: CrmDatabase, unmigrated_staging: CrmDatabase
) -> None:
    by_runner(unmigrated_staging, through=41)

    first, both = (checkout.run(*PRODUCTION, *more, "--yes") for more in (("--through", "41"), ()))

    assert [0, NOT_PROMOTED] == [first.returncode, both.returncode]
    assert f"  - {TENANT.name}: never ran on staging" in both.stderr
    assert "40 baselined, 41 applied" == legacy_database.psql(LEDGER)


def test_a_difference_between_the_schemas_is_told_and_no_reason_to_refuse(
    checkout: Checkout, legacy_database: CrmDatabase
) -> None:
    legacy_database.psql("ALTER TABLE leads ADD drifted text")

    done = checkout.run(*PRODUCTION, "--yes")

    assert 0 == done.returncode, done.stderr
    assert (
        f"ℹ️ After {', '.join(NUMBERS[:-1])} and {NUMBERS[-1]} the schema isn't the one that staging had" in done.stdout
    )


def test_where_nothing_would_run_nothing_is_asked(checkout: Checkout, database: CrmDatabase) -> None:
    checkout.names("production", database)
    (checkout.folder / ".env.staging").unlink()

    done = checkout.run(*PRODUCTION)

    assert (0, True) == (done.returncode, done.stdout.endswith("Nothing to do: everything is in place.\n")), done.stderr


def test_what_psql_made_on_production_is_proved_there_by_files_that_ran_on_staging(
    checkout: Checkout, legacy_database: CrmDatabase
) -> None:
    for file in FORWARD:
        by_psql(legacy_database, file)

    done = checkout.run(*PRODUCTION, "--yes")

    assert 0 == done.returncode, done.stderr
    assert ledger_says("baselined", "adopted") == legacy_database.psql(LEDGER)


# Production refuses the rest.


def refused(checkout: Checkout, *arguments: str, production: CrmDatabase) -> str:
    """Return why production wasn't changed."""
    done = checkout.run(*PRODUCTION, *arguments, "--yes", "--json")
    error = json.loads(done.stdout)["error"]
    assert (NOT_PROMOTED, NOT_PROMOTED) == (done.returncode, error["exit_code"])
    assert "MIGRATION_NOT_PROMOTED" == error["code"]
    assert "Nothing was changed" in error["message"]
    assert is_untouched(production)
    return str(error["message"])


def test_without_receipt_and_staging_it_is_refused(checkout: Checkout, legacy_database: CrmDatabase) -> None:
    (checkout.folder / ".env.staging").unlink()

    said = refused(checkout, production=legacy_database)

    assert "no --receipt was given, and staging can't be asked" in said
    assert "then this with --receipt FILE. About staging: No address for staging" in said


def test_a_staging_that_does_not_answer_is_named_and_a_receipt_that_lies_there_too(
    checkout: Checkout, legacy_database: CrmDatabase, receipt: Path
) -> None:
    checkout.names("staging", "postgresql://me:secret@127.0.0.1:1/crm")

    said = refused(checkout, production=legacy_database)

    assert f"with --receipt {receipt.name}. About staging: Can't reach 127.0.0.1:1, database crm" in said
    assert "secret" not in said


def test_a_file_that_is_not_the_one_that_ran_is_named_with_both_hashes(
    checkout: Checkout, legacy_database: CrmDatabase, receipt: Path
) -> None:
    items = {item["version"]: item for item in json.loads(receipt.read_text())["migrations"]}
    with (checkout.folder / "migrations" / LINKS.name).open("a") as file:
        file.write("\nSELECT 1;\n")

    said = refused(checkout, "--receipt", str(receipt), production=legacy_database)

    assert f"  - {LINKS.name}: isn't the file that ran on staging; here " in said
    assert f"there {items[41]['hash'][:12]}" in said
    assert TENANT.name not in said


def test_a_comment_makes_no_other_file(checkout: Checkout, legacy_database: CrmDatabase, receipt: Path) -> None:
    with (checkout.folder / "migrations" / LINKS.name).open("a") as file:
        file.write("\n-- one more comment\n")

    done = checkout.run(*PRODUCTION, "--receipt", str(receipt), "--yes")

    assert 0 == done.returncode, done.stderr
    assert ledger_says("baselined", "applied") == legacy_database.psql(LEDGER)


def test_a_file_by_its_name_is_bound_too(checkout: Checkout, legacy_database: CrmDatabase, receipt: Path) -> None:
    file = checkout.folder / "099_other.sql"
    file.write_text("CREATE TABLE other ();\n")

    said = refused(checkout, "--receipt", str(receipt), str(file), production=legacy_database)

    assert "  - 099_other.sql: never ran on staging" in said
    assert "t" == legacy_database.psql("SELECT to_regclass('other') IS NULL")


def test_what_staging_only_adopted_did_not_run_there(
    checkout: Checkout, legacy_database: CrmDatabase, unmigrated_staging: CrmDatabase
) -> None:
    by_psql(unmigrated_staging, LINKS)
    by_runner(unmigrated_staging)

    said = refused(checkout, production=legacy_database)
    checkout.run(*STAGING, LINKS.name)
    done = checkout.run(*PRODUCTION, "--yes")

    assert f"only recorded (adopted); name it to run it there: ./taskline migrate up --env staging {LINKS.name}" in said
    assert 0 == done.returncode, done.stderr


@pytest.mark.parametrize("by", ["receipt", "address"])
def test_a_staging_in_which_nothing_could_be_proven_speaks_for_nothing_until_it_has_rows(
    checkout: Checkout, legacy_database: CrmDatabase, unmigrated_staging: CrmDatabase, by: str
) -> None:
    unmigrated_staging.psql("CREATE TABLE kept AS TABLE lead_interactions; TRUNCATE lead_interactions CASCADE")
    checkout.run(*STAGING)
    options = ["--receipt", str(checkout.receipt)] if by == "receipt" else []

    said = refused(checkout, *options, production=legacy_database)
    unmigrated_staging.psql(
        "INSERT INTO lead_interactions SELECT (jsonb_populate_record(NULL::lead_interactions, to_jsonb(k) || "
        "jsonb_build_object('organization_id', l.organization_id))).* FROM kept k JOIN leads l ON l.id = k.lead_id"
    )
    again = [checkout.run(*STAGING, file.name) for file in FORWARD]
    done = checkout.run(*PRODUCTION, *options, "--yes")

    assert f"{LINKS.name}: ran on staging, but not proven there: behaviour: lead_interactions has no row" in said
    assert f"run it there again: ./taskline migrate up --env staging {LINKS.name}\n" in said
    assert [0] * len(FORWARD) == [each.returncode for each in again], again
    assert 0 == done.returncode, done.stderr


@pytest.mark.parametrize("sql", EMPTY, ids=["nothing at all", "no interaction"])
def test_an_empty_staging_speaks_for_an_empty_production(
    checkout: Checkout, legacy_database: CrmDatabase, unmigrated_staging: CrmDatabase, sql: str
) -> None:
    for database in (unmigrated_staging, legacy_database):
        database.psql(sql)

    staging = checkout.run(*STAGING)
    production = checkout.run(*PRODUCTION, "--yes")

    assert 0 == staging.returncode, staging.stderr
    assert "not proven: behaviour: lead_interactions has no row" in staging.stdout
    assert 0 == production.returncode, production.stderr
    assert legacy_database.psql(LEDGER).endswith(", ".join(f"{version} applied" for version in VERSIONS[1:]))


def test_an_empty_staging_does_not_speak_for_rows_that_production_hides(
    checkout: Checkout, legacy_database: CrmDatabase, unmigrated_staging: CrmDatabase
) -> None:
    unmigrated_staging.psql("TRUNCATE lead_interactions CASCADE")
    legacy_database.psql("ALTER TABLE lead_interactions FORCE ROW LEVEL SECURITY")
    checkout.run(*STAGING)

    said = refused(checkout, production=legacy_database)

    assert f"{LINKS.name}: ran on staging, but not proven there: behaviour: lead_interactions has no row" in said


def test_what_is_no_longer_in_place_on_staging_does_not_count(
    checkout: Checkout, legacy_database: CrmDatabase, database: CrmDatabase
) -> None:
    database.psql("DROP INDEX idx_lead_interactions_contact_id")

    said = refused(checkout, production=legacy_database)

    assert f"{LINKS.name}: isn't in place on staging any more" in said


def test_what_was_taken_back_on_staging_does_not_count(checkout: Checkout, legacy_database: CrmDatabase) -> None:
    checkout.run("migrate", "rollback", LAST, "--env", "staging")

    assert f"{FORWARD[-1].name}: never ran on staging" in refused(checkout, production=legacy_database)


@pytest.mark.parametrize("by", ["receipt", "address"])
def test_staging_that_is_production_is_found_out(checkout: Checkout, legacy_database: CrmDatabase, by: str) -> None:
    checkout.names("staging", legacy_database)
    checkout.run(*STAGING)
    checkout.run("migrate", "rollback", LAST, "--env", "staging")
    options = ["--receipt", str(checkout.receipt)] if by == "receipt" else []

    done = checkout.run(*PRODUCTION, *options, "--yes")

    assert NOT_PROMOTED == done.returncode
    assert f"Staging is the same database as production: {legacy_database.name}, id " in done.stderr
    assert legacy_database.psql(LEDGER).endswith(f"{LAST} rolled back")


def test_a_receipt_that_was_altered_is_refused(checkout: Checkout, legacy_database: CrmDatabase, receipt: Path) -> None:
    receipt.write_text(receipt.read_text().replace("baselined", "applied"))

    said = refused(checkout, "--receipt", str(receipt), production=legacy_database)

    assert f"The receipt {receipt} was changed after it was written" in said


# Production asks.


def test_without_a_terminal_it_is_refused_with_the_command_that_goes_on(
    checkout: Checkout, legacy_database: CrmDatabase, receipt: Path
) -> None:
    done = checkout.run(*PRODUCTION, "--through", "41", "--receipt", str(receipt), "--api-role", "crm_app", "--redact")

    words = f"--through 41 --api-role crm_app --redact --receipt {receipt} --yes"
    assert REFUSED == done.returncode
    assert f"this would be done:\n  - {LINKS.name}\nNothing was changed" in done.stderr
    assert f"If it's meant, run ./taskline migrate up --env production {words}" in done.stderr
    assert is_untouched(legacy_database)


@pytest.mark.parametrize("yes", [[], ["--yes"]], ids=str)
def test_taking_back_asks_too(checkout: Checkout, database: CrmDatabase, yes: list[str]) -> None:
    checkout.names("production", database)

    done = checkout.run("migrate", "rollback", LAST, "--env", "production", *yes)

    assert (0 if yes else REFUSED) == done.returncode, done.stderr
    assert bool(yes) != (f"run ./taskline migrate rollback --env production {LAST} --yes" in done.stderr)
    assert bool(yes) == database.psql(LEDGER).endswith(f"{LAST} rolled back")


@pytest.mark.parametrize("is_right", [True, False])
def test_on_a_terminal_the_name_of_the_database_is_asked_for(
    checkout: Checkout, legacy_database: CrmDatabase, receipt: Path, is_right: bool
) -> None:
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        checkout.command(*PRODUCTION, "--receipt", str(receipt)),
        cwd=checkout.folder,
        env=checkout.environment(),
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as asking:
        os.write(ours, f"{legacy_database.name if is_right else 'crm'}\n".encode())
        _, errors = asking.communicate(timeout=DEADLINE_S)
    os.close(ours)
    os.close(theirs)

    deeds = "".join(f"  - {file.name}\n" for file in FORWARD)
    assert f"this will be done:\n{deeds}Type the database's name to go on:" in errors
    assert (0 if is_right else REFUSED) == asking.returncode, errors
    assert is_right == (not is_untouched(legacy_database))


@pytest.mark.parametrize("deed", [("up",), ("rollback", LAST)], ids=" ".join)
@pytest.mark.parametrize("by", ["--url", "MIGRATION_DATABASE_URL"])
def test_the_address_of_production_is_production_however_it_is_given(
    checkout: Checkout, database: CrmDatabase, second_legacy_database: CrmDatabase, deed: tuple[str, ...], by: str
) -> None:
    production = second_legacy_database if deed == ("up",) else database
    checkout.names("production", production)
    if deed == ("up",):
        checkout.run("migrate", "up", "--env", "production")
    before = schema_dump(production)
    given = [by, production.superuser_url] if by == "--url" else []  # somebody else's, of the same database

    done = checkout.run("migrate", *deed, *given, **({} if given else {by: production.superuser_url}))

    assert REFUSED == done.returncode, done.stderr
    assert f"database {production.name} (production) this would be done" in done.stderr
    assert f"run ./taskline migrate {deed[0]} --env production {' '.join([*deed[1:], '--yes'])}" in done.stderr
    assert "://" not in done.stderr
    assert before == schema_dump(production)


def test_another_address_names_no_environment_and_is_not_asked(
    checkout: Checkout, second_legacy_database: CrmDatabase
) -> None:
    done = checkout.run("migrate", "up", MIGRATION_DATABASE_URL=second_legacy_database.owner_url)

    assert 0 == done.returncode, done.stderr
