"""The address of an environment is found as the owner's instructions say, whatever characters it holds."""

from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from errors import MigrationTargetUnknown
from migrations.runner.environments import address, escaped, is_same_database

SECRET = "p@ss:w/rd#?%&'\" $x é"


def password_of(url: str) -> str:
    return unquote(urlsplit(url).password or "")


def test_the_variable_wins_over_the_file(tmp_path: Path) -> None:
    (tmp_path / ".env.devtest").write_text("DEVTEST_DATABASE_URL=postgresql://file@host/db\n")

    found = address("devtest", {"DEVTEST_DATABASE_URL": "postgresql://variable@host/db"}, tmp_path)

    assert "postgresql://variable@host/db" == found


def test_parts_in_variables_win_over_an_address_in_the_file(tmp_path: Path) -> None:
    (tmp_path / ".env.devtest").write_text("DEVTEST_DATABASE_URL=postgresql://file@host/db\n")
    parts = {"HOST": "db.example.test", "PORT": "6432", "NAME": "crm", "USER": "me", "PASSWORD": SECRET}

    found = address("devtest", {f"DEVTEST_DB_{name}": value for name, value in parts.items()}, tmp_path)

    assert SECRET == password_of(found)
    assert ("db.example.test", 6432, "/crm") == (urlsplit(found).hostname, urlsplit(found).port, urlsplit(found).path)


@pytest.mark.parametrize(
    "text",
    [
        "DEVTEST_DATABASE_URL=postgresql://me:secret@host:5432/db",
        "\ufeffDEVTEST_DATABASE_URL=postgresql://me:secret@host:5432/db\r\n",
        "export DEVTEST_DATABASE_URL='postgresql://me:secret@host:5432/db'\n",
        '# comment\r\n  DEVTEST_DATABASE_URL = "postgresql://me:secret@host:5432/db"  # here too\r\n',
        "DEVTEST_DB_HOST=host\nDEVTEST_DB_NAME=db\nDEVTEST_DB_USER=me\nDEVTEST_DB_PASSWORD=secret\n",
    ],
)
def test_a_file_is_read_however_it_was_written(tmp_path: Path, text: str) -> None:
    (tmp_path / ".env.devtest").write_text(text, encoding="utf-8", newline="")

    assert "postgresql://me:secret@host:5432/db" == address("devtest", {}, tmp_path)


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        ("me:x@host/crm", "you@HOST:5432/crm", True),
        ("me@host:5433/crm", "me@host/crm", False),
        ("me@host/crm", "me@host/crm2", False),
        ("me@host/CRM", "me@host/crm", False),
        ("me@host/c%72m?sslmode=require", "me@host/crm", True),
        ("me@host/crm", "me@other/crm", False),
        ("me@a:1,b:2/crm", "me@b:2/crm", True),
        ("me@a,b:2/crm", "me@a:2/crm", False),
        ("me@[::1]:5432/crm", "me@[::1]/crm", True),
        ("me@/crm?host=%2Frun&port=5433", "me@/crm?host=/run&port=5433", True),
        ("me@/crm?host=%2Frun", "me@/crm?host=/run&port=5433", False),
        ("me@/?host=h&dbname=crm", "me@h/crm", True),
        ("crm@h", "me@h/crm", True),
    ],
)
def test_two_addresses_name_the_same_database_or_not(one: str, other: str, is_same: bool) -> None:
    assert is_same == is_same_database(f"postgresql://{one}", f"postgresql://{other}")
    assert is_same == is_same_database(f"postgresql://{other}", f"postgresql://{one}")


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1))
def test_every_password_survives_in_parts(password: str) -> None:
    parts = {"DEVTEST_DB_HOST": "h", "DEVTEST_DB_NAME": "d", "DEVTEST_DB_USER": "u", "DEVTEST_DB_PASSWORD": password}

    assert password == password_of(address("devtest", parts, Path("/nowhere")))


@pytest.mark.parametrize("password", ["a@b", "a/b#c?d", "a:b", "a%20b"])
def test_a_password_that_should_have_been_escaped_is_understood(password: str) -> None:
    found = escaped(f"postgres://me:{password}@host/db", "DEVTEST_DATABASE_URL")

    assert unquote(password) == password_of(found)
    assert "host" == urlsplit(found).hostname


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({}, "No address for devtest. Set DEVTEST_DATABASE_URL"),
        ({"DEVTEST_DATABASE_URL": "mysql://me:secret@host/db"}, "DEVTEST_DATABASE_URL isn't an address"),
        (
            {"DEVTEST_DATABASE_URL": "postgresql://me:secret@host:port/db"},
            "has a port that isn't a number from 1 to 65535",
        ),
        ({"DEVTEST_DATABASE_URL": "postgresql://me:secret@[::1/db"}, "has a host that can't be read, as .::1 without"),
        ({"DEVTEST_DATABASE_URL": "postgresql://me:secret@host/\udcff"}, "DEVTEST_DATABASE_URL isn't an address"),
        ({"DEVTEST_DB_HOST": "h", "DEVTEST_DB_PASSWORD": "secret"}, "DEVTEST_DB_NAME and DEVTEST_DB_USER isn't"),
        ({"DEVTEST_DATABASE_URL": "postgresql://me:secret@host:99999/db"}, "has a port that isn't a number from 1 to"),
        ({"DEVTEST_DATABASE_URL": "postgresql://me:secret@a:1,b:0/db"}, "has a port that isn't a number from 1 to"),
        ({"DEVTEST_DATABASE_URL": "postgresql://me:secret@/db?host=h&port=99999"}, "has a port that isn't a number"),
        (
            {"DEVTEST_DB_HOST": "h", "DEVTEST_DB_NAME": "d", "DEVTEST_DB_USER": "u", "DEVTEST_DB_PORT": "x"},
            "DEVTEST_DB_PORT isn't a number from 1 to 65535",
        ),
        (
            {"DEVTEST_DB_HOST": "h", "DEVTEST_DB_NAME": "d", "DEVTEST_DB_USER": "u", "DEVTEST_DB_PORT": "99999"},
            "DEVTEST_DB_PORT isn't a number from 1 to 65535",
        ),
    ],
)
def test_what_is_missing_or_wrong_is_named_without_a_secret(
    tmp_path: Path, variables: dict[str, str], words: str
) -> None:
    with pytest.raises(MigrationTargetUnknown, match=words) as caught:
        address("devtest", variables, tmp_path)

    assert "secret" not in str(caught.value)
