"""What a command was started with ends no migration midway: closed, full and narrow streams."""

import signal
import subprocess
from pathlib import Path

import pytest

from tests.checkouts import Checkout, make_checkout
from tests.databases import CrmDatabase
from tests.deadlines import DEADLINE_S

pytestmark = pytest.mark.slow

HAS_ALL = "SELECT count(*) FROM pg_policy WHERE polname = 'lead_interactions_tenant'"


@pytest.fixture
def checkout(tmp_path: Path, legacy_database: CrmDatabase) -> Checkout:
    made = make_checkout(tmp_path / "project")
    made.names("devtest", legacy_database)
    return made


def by_shell(
    checkout: Checkout, redirection: str, *arguments: str, **variables: str
) -> subprocess.CompletedProcess[str]:
    """Run a command whose streams a shell has redirected."""
    return subprocess.run(
        ["/bin/sh", "-c", f'exec "$@" {redirection}', "sh", *checkout.command(*arguments)],
        cwd=checkout.folder,
        env=checkout.environment(**variables),
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(("command", "made"), [("up", "1"), ("plan", "0"), ("status", "0")])
@pytest.mark.parametrize(
    ("redirection", "why"), [(">&-", "Bad file descriptor"), (">/dev/full", "No space left on device")]
)
def test_an_output_that_can_not_be_written_is_said_and_the_command_goes_on_to_its_end(
    checkout: Checkout, legacy_database: CrmDatabase, command: str, made: str, redirection: str, why: str
) -> None:
    done = by_shell(checkout, redirection, "migrate", command, "--env", "devtest")

    assert 1 == done.returncode
    assert f"Error: The output can't be written: {why}. The command went on to its end" in done.stderr
    assert "Traceback" not in done.stderr
    assert made == legacy_database.psql(HAS_ALL)


def test_production_is_not_asked_where_the_input_is_closed(checkout: Checkout, database: CrmDatabase) -> None:
    checkout.names("production", database)

    done = by_shell(checkout, "<&-", "migrate", "rollback", "42", "--env", "production")

    assert 14 == done.returncode
    assert "Nothing was changed: there is no terminal to ask on" in done.stderr


def test_a_narrow_encoding_loses_no_migration(checkout: Checkout, legacy_database: CrmDatabase) -> None:
    narrow = {"PYTHONUTF8": "0", "PYTHONIOENCODING": "latin-1"}

    done = by_shell(checkout, "", "migrate", "up", "--env", "devtest", **narrow)

    assert 0 == done.returncode, done.stderr
    assert "\\u2705 tried: task of a lead" in done.stdout
    assert "1" == legacy_database.psql(HAS_ALL)


def test_ctrl_c_says_that_it_can_be_run_again(checkout: Checkout) -> None:
    with subprocess.Popen(
        checkout.command("migrate", "up", "--env", "devtest"),
        cwd=checkout.folder,
        env=checkout.environment(PYTHONUNBUFFERED="1"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as running:
        assert running.stdout
        while "041 +" not in running.stdout.readline():
            assert running.poll() is None
        running.send_signal(signal.SIGINT)
        _, errors = running.communicate(timeout=DEADLINE_S)

    assert 130 == running.returncode
    assert errors.strip() == "Interrupted; run it again: it goes on where it stopped."
