"""What is given at the command line says something, or is refused before anything is done: exit code 2."""

import pytest
from click.testing import CliRunner, Result

from commands.__main__ import taskline

# Nobody listens there; and only who takes an option for absent gets that far.
WRONG = {"MIGRATION_DATABASE_URL": "postgresql://me@127.0.0.1:1/wrong"}
UP, BACK, REHEARSE = (["migrate", name] for name in ("up", "rollback", "rehearse"))
NO_TEXT = b"\xff".decode(errors="surrogateescape")


def run(*arguments: str) -> Result:
    return CliRunner().invoke(taskline, arguments, env=WRONG)


@pytest.mark.parametrize("empty", ["", " "], ids=repr)
@pytest.mark.parametrize(
    "command",
    [
        *(["migrate", name, "--url"] for name in ("plan", "up", "status", "verify", "doctor", "rehearse")),
        ["migrate", "rollback", "42", "--url"],
        UP,
        [*UP, "--api-role"],
        ["migrate", "plan", "--api-role"],
        ["migrate", "doctor", "--api-role"],
        [*REHEARSE, "--api-role"],
        [*REHEARSE, "--server"],
        [*REHEARSE, "--dump"],
        [*UP, "--receipt"],
        [*UP, "--receipt-to"],
        [*BACK, "41", "--export"],
    ],
    ids=" ".join,
)
def test_an_empty_value_is_refused_and_means_no_default(command: list[str], empty: str) -> None:
    done = run(*command, empty)

    assert 2 == done.exit_code, done.output
    assert "it is empty" in done.stderr


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ([*UP, "--url", f"postgresql://me:hidden{NO_TEXT}@host/crm"], "'--url': it isn't UTF-8."),
        ([*UP, "--api-role", NO_TEXT], "'--api-role': it isn't UTF-8."),
        ([*UP, "--api-role", "é" * 32], "it has 64 bytes, and a name at most 63."),
        ([*UP, NO_TEXT], "it isn't UTF-8."),
        ([*BACK, "41", "--export", "."], "File '.' is a directory."),
        ([*BACK, "41", "--export", "/"], "File '/' is a directory."),
        ([*REHEARSE, "--baseline", "nan"], "nan isn't in the range 0.5<=x<=600."),
    ],
    ids=repr,
)
def test_a_value_that_can_not_be_meant_is_refused_in_words(command: list[str], words: str) -> None:
    done = run(*command)

    assert 2 == done.exit_code, done.output
    assert words in done.stderr
    assert "hidden" not in done.output


def test_a_file_name_that_is_too_long_for_one_is_no_migration() -> None:
    done = run(*UP, "0" * 5_000)

    assert "There is no migration file 000" in str(done.exception)
