"""A receipt is read back as it was written, or refused; and it speaks only for the files that ran there."""

import json
import os
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from uuid import uuid4

import pytest

from errors import MigrationNotPromoted
from migrations.runner import files, receipts
from migrations.runner.identities import Identity
from migrations.runner.ledger import Outcome
from migrations.runner.promotion import Look, differences, refuse_unpromoted
from migrations.runner.receipts import Item, Receipt

NOW = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)
STAGING = Identity("7312/16384", "crm", "18.6", NOW)
PRODUCTION = Identity("9421/16390", "crm", "18.6", NOW)
FILE = files.forward()[1]
ITEM = Item(
    version=FILE.version,
    file=FILE.name,
    hash=FILE.hash,
    outcome=Outcome.APPLIED,
    is_in_place=True,
    fingerprint="f1",
    run_id=uuid4(),
    started_at=NOW,
    duration_ms=1_200,
    proof=["✅ tried: task of a lead inserted, read and completed as crm_app"],
)
RECEIPT = Receipt("staging", STAGING, NOW, [ITEM])
HERE = Look(PRODUCTION, [FILE], set(), has_rows=True)


def refusal(receipt: Receipt, here: Look = HERE) -> str:
    with pytest.raises(MigrationNotPromoted) as refused:
        refuse_unpromoted(here, receipt)
    return str(refused.value)


# In a file.


def test_a_receipt_is_read_as_it_was_written(tmp_path: Path) -> None:
    receipts.write(RECEIPT, tmp_path / "r.json")

    assert RECEIPT == receipts.read(tmp_path / "r.json")


def test_a_receipt_is_for_its_owner_alone_also_where_another_file_was(tmp_path: Path) -> None:
    file = tmp_path / "r.json"
    file.touch(0o666)

    receipts.write(RECEIPT, file)

    assert 0o600 == file.stat().st_mode & 0o777
    assert [file] == list(tmp_path.iterdir())


@pytest.mark.parametrize("kind", ["pipe", "link", "folder"])
def test_a_receipt_takes_the_place_of_nothing_but_a_file(tmp_path: Path, kind: str) -> None:
    there = tmp_path / "r.json"
    make = {"pipe": os.mkfifo, "link": lambda path: path.symlink_to(os.devnull), "folder": Path.mkdir}
    make[kind](there)
    before = there.lstat()

    for use in (receipts.try_place, partial(receipts.write, RECEIPT)):
        with pytest.raises(FileExistsError, match="what is there isn't a regular file"):
            use(there)

    assert (before.st_ino, before.st_mode) == (there.lstat().st_ino, there.lstat().st_mode)
    assert [there] == list(tmp_path.iterdir())


def test_an_unfinished_receipt_of_another_process_stays(tmp_path: Path) -> None:
    others = tmp_path / f"r.json.{os.getpid()}"
    others.write_text("not ours")

    with pytest.raises(FileExistsError):
        receipts.write(RECEIPT, tmp_path / "r.json")

    assert "not ours" == others.read_text()


@pytest.mark.parametrize("content", [None, "", "not ours"])
def test_trying_a_place_leaves_it_as_it_was(tmp_path: Path, content: str | None) -> None:
    file = tmp_path / "r.json"
    if content is not None:
        file.write_text(content)

    receipts.try_place(file)

    assert ([] if content is None else [(file, content)]) == [(path, path.read_text()) for path in tmp_path.iterdir()]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"format": 2}, "is of format 2, and this version of Taskline reads format 1"),
        ({"environment": "production"}, "was changed after it was written"),
        ({"migrations": []}, "was changed after it was written"),
        ({"more": 1}, "was changed after it was written"),
        ({"seal": None}, "was changed after it was written"),
    ],
    ids=str,
)
def test_a_receipt_that_was_altered_or_is_of_a_later_format_is_refused(
    tmp_path: Path, change: dict[str, object], words: str
) -> None:
    file = tmp_path / "r.json"
    receipts.write(RECEIPT, file)
    file.write_text(json.dumps(json.loads(file.read_text()) | change))

    with pytest.raises(MigrationNotPromoted) as refused:
        receipts.read(file)

    assert f"The receipt {file} {words}. Nothing was changed. Run ./taskline migrate up --env staging" in str(
        refused.value
    )


@pytest.mark.parametrize(
    "change",
    [
        {"migrations": [{"version": 41}]},
        {"migrations": None},
        {"migrations": [[]]},
        {"database": {}},
        {"environment": 5},
        {"issued_at": "soon"},
    ],
    ids=str,
)
def test_a_sealed_receipt_that_lacks_a_part_is_refused(tmp_path: Path, change: dict[str, object]) -> None:
    file = tmp_path / "r.json"
    receipts.write(RECEIPT, file)
    document = {name: value for name, value in json.loads(file.read_text()).items() if name != "seal"} | change
    file.write_text(json.dumps(document | {"seal": receipts.seal(document)}))

    with pytest.raises(MigrationNotPromoted, match="lacks a part, or has one that can't be read"):
        receipts.read(file)


@pytest.mark.parametrize(
    "part",
    [{"hash": None}, {"hash": 5}, {"version": "41"}, {"is_in_place": 1}, {"proof": [5]}, {"proof": None}],
    ids=str,
)
def test_a_sealed_receipt_with_a_part_of_another_kind_is_refused(tmp_path: Path, part: dict[str, object]) -> None:
    file = tmp_path / "r.json"
    receipts.write(RECEIPT, file)
    document = json.loads(file.read_text())
    del document["seal"]
    document["migrations"][0] |= part
    file.write_text(json.dumps(document | {"seal": receipts.seal(document)}))

    with pytest.raises(MigrationNotPromoted, match="lacks a part, or has one that can't be read"):
        receipts.read(file)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "can't be read: No such file or directory"),
        (b"", "isn't a receipt, which is JSON"),
        (b"\xff", "isn't a receipt, which is JSON"),
        (b"[1]", "isn't a receipt"),
        (b"{}", "isn't a receipt"),
        (b"[" * 100_000, "isn't a receipt, which is JSON"),
        (b'{"format": "\\ud800"}', "isn't a receipt, which is JSON"),
        (b'{"format": 1, "seal": "\\ud800"}', "isn't a receipt, which is JSON"),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_what_is_no_receipt_is_refused(tmp_path: Path, content: bytes | None, words: str) -> None:
    file = tmp_path / "r.json"
    if content is not None:
        file.write_bytes(content)

    with pytest.raises(MigrationNotPromoted) as refused:
        receipts.read(file)

    assert f"The receipt {file} {words}" in str(refused.value)


# What it speaks for.


def test_what_ran_on_staging_may_run() -> None:
    refuse_unpromoted(HERE, RECEIPT)


@pytest.mark.parametrize(
    ("receipt", "words"),
    [
        (replace(RECEIPT, environment="devtest"), "The receipt is of devtest"),
        (replace(RECEIPT, migrations=[]), f"  - {FILE.name}: never ran on staging"),
        (
            replace(RECEIPT, migrations=[replace(ITEM, hash="0123456789abcdef")]),
            f"isn't the file that ran on staging; here {FILE.hash[:12]}, there 0123456789ab\n",
        ),
        (replace(RECEIPT, migrations=[replace(ITEM, outcome=Outcome.ADOPTED)]), "it is only recorded (adopted)"),
        (
            replace(RECEIPT, migrations=[replace(ITEM, proof=["⚠️ not proven: behaviour: no row"])]),
            "not proven there: behaviour: no row. Give staging rows like production's, and run it there again: ",
        ),
        (replace(RECEIPT, migrations=[replace(ITEM, is_in_place=False)]), "isn't in place on staging any more"),
        (replace(RECEIPT, database=PRODUCTION), "Staging is the same database as production: crm, id 9421/16390"),
    ],
    ids=lambda value: value[:30] if isinstance(value, str) else "",
)
def test_everything_else_is_refused_with_its_reason(receipt: Receipt, words: str) -> None:
    said = refusal(receipt)

    assert words in said
    assert "Nothing was changed" in said


def test_the_same_database_is_known_by_its_runs_after_its_server_was_started_again() -> None:
    later = replace(PRODUCTION, server_started_at=datetime(2026, 11, 27, tzinfo=UTC))

    assert "same database" in refusal(
        replace(RECEIPT, database=PRODUCTION), replace(HERE, database=later, run_ids={ITEM.run_id})
    )


def test_a_run_that_proved_nothing_for_another_reason_than_a_lack_of_rows_speaks_for_no_production() -> None:
    item = replace(ITEM, proof=["⚠️ not proven: task of a lead: crm_app may not use schema crm; 042 grants it"])

    said = refusal(replace(RECEIPT, migrations=[item]), replace(HERE, has_rows=False))

    assert "but not proven there: task of a lead: crm_app may not use schema crm" in said


def test_a_physical_copy_of_production_is_another_database() -> None:
    """It has production's numbers, but started at another time, and its runs aren't in production's ledger."""
    copy = replace(PRODUCTION, server_started_at=datetime(2026, 11, 1, tzinfo=UTC))

    refuse_unpromoted(HERE, replace(RECEIPT, database=copy))


# Differences.


@pytest.mark.parametrize(
    ("made", "version", "lines"),
    [
        ({41: "f1"}, "18.6", 0),
        ({41: "f2"}, "18.1", 1),
        ({41: "f2"}, "15.14", 0),
        ({99: "f2"}, "18.6", 0),
        ({}, "18.6", 0),
    ],
)
def test_a_schema_that_differs_is_told_within_one_server_version(
    made: dict[int, str], version: str, lines: int
) -> None:
    told = differences(made, RECEIPT, replace(PRODUCTION, server_version=version))

    assert lines == len(told)
    assert all(line.startswith("ℹ️ After 041 the schema isn't the one that staging had then") for line in told)
