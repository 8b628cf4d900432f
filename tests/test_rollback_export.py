"""Links that a rollback would lose are written to a file first, from which they can be brought back by hand."""

import asyncio
import csv
import json
import os
import re
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from errors import MigrationExportFailed, MigrationRefused, TasklineError
from migrations.runner import rollbacks
from tests.databases import CrmDatabase
from tests.migration_runs import FOLDER, LINKS, LINKS_BACK, by_psql, psql_command, schema_dump
from tests.papers import ROOT, blocks, section

pytestmark = pytest.mark.slow

LINKED = "FROM lead_interactions WHERE contact_id IS NOT NULL OR account_id IS NOT NULL OR lead_id IS NULL"
IDS = "id, lead_id, contact_id, account_id, subject, status, participants, created_at, user_id, outcome"


def roll_back(database: CrmDatabase, export: Path, n: int | None = None) -> rollbacks.Rollback:
    return asyncio.run(rollbacks.run(database.owner_url, rollbacks.Wish(41, export, n), print))


def failure(database: CrmDatabase, export: Path, n: int | None = None) -> TasklineError:
    with pytest.raises(TasklineError) as caught:
        roll_back(database, export, n)
    return caught.value


def migrate(database: CrmDatabase, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "commands", "migrate", *arguments, "--url", database.owner_url]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_every_link_is_written_for_people_and_programs(linked_database: CrmDatabase, tmp_path: Path) -> None:
    file = tmp_path / "links.csv"
    links = linked_database.psql(f"SELECT id, lead_id, contact_id, account_id {LINKED} ORDER BY 1").splitlines()

    roll_back(linked_database, file, 18)

    with file.open(newline="") as opened:
        rows = list(csv.DictReader(opened))
    assert links == sorted("|".join(list(row.values())[:4]) for row in rows)
    assert links == sorted(
        "|".join(json.loads(row["whole_row"])[name] or "" for name in ("id", "lead_id", "contact_id", "account_id"))
        for row in rows
    )
    assert all(row["subject"].startswith("linked") and row["status"] and row["organization_id"] for row in rows)
    assert all(bool(row["contact_id"]) == bool(row["contact_name"]) for row in rows)
    assert all(bool(row["account_id"]) == bool(row["account_name"]) for row in rows)


def test_it_is_written_before_the_refusal_which_it_does_not_lift(linked_database: CrmDatabase, tmp_path: Path) -> None:
    file = tmp_path / "links.csv"
    before = schema_dump(linked_database)

    refused = failure(linked_database, file)

    assert isinstance(refused, MigrationRefused)
    assert f"{file} is written and stays: the next command needs no --export, or another name." in str(refused)
    assert 19 == len(file.read_text().splitlines())
    assert before == schema_dump(linked_database)


def test_the_file_is_its_owners_alone_and_nothing_else_is_left(linked_database: CrmDatabase, tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        failure(linked_database, tmp_path / "links.csv")
    finally:
        os.umask(before)

    assert ["links.csv"] == [path.name for path in tmp_path.iterdir()]
    assert 0o600 == stat.S_IMODE((tmp_path / "links.csv").stat().st_mode)


def test_a_file_that_is_there_is_kept_and_nothing_is_done(linked_database: CrmDatabase, tmp_path: Path) -> None:
    file = tmp_path / "links.csv"
    file.write_text("mine")
    before = schema_dump(linked_database)

    refused = failure(linked_database, file, 18)

    assert isinstance(refused, MigrationExportFailed)
    assert f"--export {file}: there is such a file already" in str(refused)
    assert "mine" == file.read_text()
    assert ["links.csv"] == [path.name for path in tmp_path.iterdir()]
    assert before == schema_dump(linked_database)


def test_a_file_that_can_not_be_written_stops_it(linked_database: CrmDatabase, tmp_path: Path) -> None:
    before = schema_dump(linked_database)

    refused = failure(linked_database, tmp_path / "no such folder" / "links.csv", 18)

    assert isinstance(refused, MigrationExportFailed)
    assert "No such file or directory. Nothing was changed." in str(refused)
    assert before == schema_dump(linked_database)


def test_links_made_before_041_are_not_written_for_they_stay(legacy_database: CrmDatabase, tmp_path: Path) -> None:
    legacy_database.psql(
        "ALTER TABLE lead_interactions ADD contact_id uuid; "
        "UPDATE lead_interactions SET contact_id = (SELECT id FROM contacts LIMIT 1)",
        url=legacy_database.owner_url,
    )
    by_psql(legacy_database, LINKS)

    done = roll_back(legacy_database, tmp_path / "links.csv")

    assert done.export
    assert 0 == done.export.links


def test_where_041_is_not_in_place_there_is_no_link(legacy_database: CrmDatabase, tmp_path: Path) -> None:
    done = roll_back(legacy_database, tmp_path / "links.csv")

    assert done.export
    assert (0, "") == (done.export.links, (tmp_path / "links.csv").read_text())


def test_the_command_says_what_it_wrote_took_back_and_set_aside(linked_database: CrmDatabase, tmp_path: Path) -> None:
    file = str(tmp_path / "links.csv")

    done = migrate(linked_database, "rollback", "41", "--export", file, "--discard-links", "18", "--json")

    document = json.loads(done.stdout)
    assert {"file": file, "links": 18} == document["export"]
    assert {"interaction_events_rolled_back_041": 18, "lead_interactions_rolled_back_041": 18} == document["set_aside"]
    assert "rolled back" == document["entries"][0]["outcome"]
    assert f"18 links written to {file}" in done.stderr
    assert re.search(r"^041 \+\d+\.\d\d s  Links$", done.stderr, re.MULTILINE)
    assert "✅ lead_interactions.contact_id: removed" in done.stderr
    assert "ON DELETE CASCADE" in done.stderr


def test_its_options_are_for_041_alone(linked_database: CrmDatabase, tmp_path: Path) -> None:
    done = migrate(linked_database, "rollback", "42", "--export", str(tmp_path / "links.csv"))

    assert 2 == done.returncode
    assert "--export and --discard-links are for 41" in done.stderr


@pytest.mark.parametrize("way", ["runner", "psql"])
def test_the_file_alone_brings_them_back_as_papers_say(linked_database: CrmDatabase, tmp_path: Path, way: str) -> None:
    before = linked_database.psql(f"SELECT {IDS} {LINKED} ORDER BY id")
    file = tmp_path / "links.csv"
    (by_hand,) = blocks(section((ROOT / "docs" / "migrations.md").read_text(), "Take it back"), "sql")
    if way == "runner":
        roll_back(linked_database, file, 18)
    else:
        query = FOLDER / "links_at_risk.sql"
        subprocess.run(psql_command(linked_database, "--csv", "-f", str(query), "-o", str(file)), check=True)
        assert 0 == by_psql(linked_database, LINKS_BACK, taskline__discard_links=18).code
    linked_database.psql("DROP TABLE lead_interactions_rolled_back_041, interaction_events_rolled_back_041")
    by_psql(linked_database, LINKS)

    done = subprocess.run(
        psql_command(linked_database, "-v", "ON_ERROR_STOP=1"),
        input=by_hand,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert 0 == done.returncode, done.stderr
    assert before == linked_database.psql(f"SELECT {IDS} {LINKED} ORDER BY id")
