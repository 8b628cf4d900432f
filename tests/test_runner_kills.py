"""However often a run is ended, and wherever: the next one finishes it, and nothing is left over."""

import random
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.databases import CrmDatabase, copy
from tests.killed_runs import LEFTOVERS, ROWS, WAYS, is_gone, reached, run_apart, until
from tests.migration_runs import (
    FORWARD,
    NUMBERS,
    VERSIONS,
    by_psql,
    by_runner,
    fingerprint,
    open_transaction,
    psql_command,
)

pytestmark = [pytest.mark.slow, pytest.mark.long]

# The phase begins with this line; the moment in it is random, up to so many seconds after the line.
PHASES = {
    "short DDL": ("041 Columns", 0.1),
    "foreign keys": ("041 Foreign keys", 0.1),
    "index build": ("041 Indexes: idx_lead_interactions_contact_id", 0.05),
    "validation": ("041 Validation", 0.1),
    "report": ("╔", 0.01),
    "backfill": ("042 Backfill", 0.1),
    "row security": ("042 Row security", 0.03),
    "validation of 042": ("042 Validation", 0.1),
    "column and trigger": ("043 Columns", 0.03),
    "places in time": ("043 Backfill", 0.2),
    "not null": ("043 Not null", 0.03),
    "timeline indexes": ("043 Indexes: idx_lead_interactions_contact_timeline", 0.05),
    "validation of 043": ("043 Validation", 0.1),
    "columns of deleted tasks": ("044 Columns", 0.03),
    "keys": ("044 Idempotency keys", 0.03),
    "validation of 044": ("044 Validation", 0.1),
    "table of events": ("045 Table", 0.03),
    "triggers of the log": ("045 Triggers", 0.03),
    "copy of the old history": ("045 History", 0.05),
    "validation of 045": ("045 Validation", 0.1),
    "indexes of records": ("046 Indexes: taskline_contacts_of_tenant", 0.03),
    "keys of tenants": ("046 Keys", 0.03),
    "validation of 046": ("046 Validation", 0.1),
    "indexes of open tasks": ("047 Indexes: taskline_open_tasks_of_contact", 0.03),
    "validation of 047": ("047 Validation", 0.1),
}
KILLS = {"18": 10, "15": 2}
# Much to fill; rows that name another organization than their lead stay as they are.
EMPTY = """
ALTER TABLE lead_interactions DISABLE TRIGGER USER;
UPDATE lead_interactions t SET organization_id = NULL FROM leads l
 WHERE l.id = t.lead_id AND l.organization_id = t.organization_id;
ALTER TABLE lead_interactions ENABLE TRIGGER USER;
"""


def copies(template: CrmDatabase, *, seed: str) -> Iterator[tuple[CrmDatabase, random.Random]]:
    """Yield databases, one for each kill, with a source of random moments that is the same in every run."""
    moments = random.Random(seed)  # noqa: S311 - to be repeatable
    for _ in range(KILLS[template.server.version.partition(".")[0]]):
        with copy(template) as database:
            yield database, moments


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("phase", PHASES)
def test_a_run_that_was_ended_is_finished_by_the_next(
    legacy_template: CrmDatabase, schemas: dict[int, str], phase: str, way: str
) -> None:
    line, longest_s = PHASES[phase]
    ended = 0
    with copy(legacy_template) as begun:
        if done := migrations_before(line):
            by_runner(begun, through=done, api_role="crm_app")
        if phase == "backfill":
            begun.psql(EMPTY)
        rows = begun.psql(ROWS)
        for number, (database, moments) in enumerate(copies(begun, seed=f"{phase}, {way}")):
            with run_apart(database) as (process, lines):
                said = list(until(line, lines))
                process.join(moments.uniform(0, longest_s))
                ended += process.exitcode is None
                WAYS[way](process, database)
                said += lines

            # What was ended is finished; once, so is all that comes after it, and by the same schema as ever.
            through = reached(said) if number else VERSIONS[-1]
            by_runner(database, through=through, api_role="crm_app")

            assert "" == database.psql(LEFTOVERS)
            assert rows == database.psql(ROWS)
            assert schemas[through] == fingerprint(database)
    assert ended  # the others were done before we came


def migrations_before(line: str) -> int | None:
    """Return the number of the last migration before the one that says this line; None before the first."""
    number = line[:3]
    return int(number) - 1 if number in NUMBERS[2:] else None


@pytest.mark.parametrize("file", FORWARD, ids=lambda file: file.name[:3])
def test_psql_that_was_killed_is_finished_by_the_next(
    legacy_template: CrmDatabase, schemas: dict[int, str], file: Path
) -> None:
    place = FORWARD.index(file)
    with copy(legacy_template) as begun:
        finish_by_psql(begun, FORWARD[:place])
        rows = begun.psql(ROWS)
        with copy(begun) as database:
            started = time.monotonic()
            finish_by_psql(database, [file])
            whole_s = time.monotonic() - started
        for number, (database, moments) in enumerate(copies(begun, seed=str(file))):
            command = psql_command(database, "-c", "SET taskline.api_role = crm_app", "-f", str(file))
            with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as psql:
                try:
                    psql.wait(moments.uniform(0, whole_s))
                except subprocess.TimeoutExpired:
                    psql.kill()
            assert is_gone(database)

            finish = [file] if number else FORWARD
            finish_by_psql(database, finish)

            assert "" == database.psql(LEFTOVERS)
            assert rows == database.psql(ROWS)
            assert schemas[int(finish[-1].name[:3])] == fingerprint(database)


def finish_by_psql(database: CrmDatabase, files: list[Path]) -> None:
    for file in files:
        outcome = by_psql(database, file, taskline__api_role="crm_app")
        assert outcome.is_success, outcome.report + outcome.errors


def test_the_orphan_of_a_waiting_index_build_goes_with_its_runner(legacy_database: CrmDatabase) -> None:
    # A snapshot held elsewhere keeps the build waiting for as long as we like.
    with (
        open_transaction(
            legacy_database, "DECLARE c CURSOR FOR SELECT FROM users; FETCH 1 FROM c", url=legacy_database.superuser_url
        ),
        run_apart(legacy_database) as (process, lines),
    ):
        assert any("Indexes: idx_lead_interactions_contact_id" in line for line in lines)
        process.join(0.5)

        WAYS["kill -9"](process, legacy_database)

    by_runner(legacy_database, api_role="crm_app")
    assert "" == legacy_database.psql(LEFTOVERS)
