"""Several migrations at once, and somebody else's DDL in between: one runs, the others wait, and none lies."""

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from migrations.runner.sessions import LOCK_KEY
from tests.databases import APP, OWNER, CrmDatabase
from tests.deadlines import DEADLINE_S, eventually
from tests.killed_runs import LEFTOVERS
from tests.migration_runs import (
    FORWARD,
    LINKS,
    OPEN,
    SUCCESS,
    by_psql,
    by_runner,
    fingerprint,
    open_transaction,
    psql_command,
)

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parent.parent
WAITERS = f"""
SELECT count(DISTINCT pid) FROM pg_stat_activity
 WHERE datname = current_database() AND usename = '{OWNER}' AND state IN ('active', 'idle')
   AND query NOT LIKE '%pg_advisory_lock({LOCK_KEY})%'
"""
Start = Callable[[CrmDatabase], "subprocess.Popen[str]"]


def start(database: CrmDatabase, way: str) -> subprocess.Popen[str]:
    """Start 041 by the runner or by psql; both streams in one."""
    command = psql_command(database, "-c", f"SET taskline.api_role = {APP}", "-f", str(LINKS))
    if way == "runner":
        command = [sys.executable, "-u", "-m", "commands", "migrate", "up"]
        command += ["--api-role", APP, "--url", database.owner_url, LINKS.name]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


@pytest.mark.parametrize(
    "ways", [("runner", "runner"), ("runner", "psql"), ("psql", "psql"), ("psql", "runner", "psql")], ids=" and ".join
)
def test_of_several_at_once_one_runs_and_the_others_have_nothing_to_do(
    legacy_database: CrmDatabase, second_legacy_database: CrmDatabase, ways: tuple[str, ...]
) -> None:
    # All of them come while a transaction holds the lock, and see each other when it lets go.
    with open_transaction(legacy_database, f"SELECT pg_advisory_lock({LOCK_KEY})"):
        runs = [start(legacy_database, way) for way in ways]
        assert eventually(lambda: str(len(ways)) == legacy_database.psql(WAITERS))
    said = [run.communicate(timeout=DEADLINE_S)[0] for run in runs]
    by_psql(second_legacy_database, LINKS)

    assert [0] * len(ways) == [run.returncode for run in runs], said
    assert [1] * len(ways) == [text.count(SUCCESS) for text in said]
    assert 1 == sum("changed by this run" in text for text in said)
    assert len(ways) - 1 == sum("rows: nothing was left to do" in text for text in said)
    assert "" == legacy_database.psql(LEFTOVERS)
    assert fingerprint(second_legacy_database) == fingerprint(legacy_database)


@pytest.mark.parametrize("way", ["runner", "psql"])
def test_who_waits_says_for_whom_and_since_when(legacy_database: CrmDatabase, way: str) -> None:
    with open_transaction(legacy_database, f"SELECT pg_advisory_lock({LOCK_KEY})"):
        holder = legacy_database.psql(
            "SELECT format('process %s (%s, psql), connected since ', l.pid, usename) "
            "FROM pg_locks l JOIN pg_stat_activity a USING (pid) "
            "WHERE locktype = 'advisory' AND datname = current_database()"
        )
        run = start(legacy_database, way)
        assert run.stdout
        words = next(line for line in run.stdout if "aiting for another migration of this database: " in line)
    rest = run.communicate(timeout=DEADLINE_S)[0]

    assert holder in words
    assert SUCCESS in rest
    assert 0 == run.returncode


ACCOUNTS = "idx_lead_interactions_account_id"
# Somebody else's DDL, in the middle of the file.
MEDDLING = {
    "an index is dropped": (
        "-- == Validation ==",
        "DROP INDEX idx_lead_interactions_account_id",
        "❌ account_id index: MISSING",
    ),
    "an index is replaced": (
        "-- == Validation ==",
        f"ALTER INDEX {ACCOUNTS} RENAME TO aside; ALTER INDEX idx_lead_interactions_user_id RENAME TO {ACCOUNTS}",
        "❌ account_id index: OTHER",
    ),
    "a column is dropped": (
        "-- == Validation ==",
        "ALTER TABLE lead_interactions DROP COLUMN contact_id",
        "❌ contact_id column: not there as a nullable uuid",
    ),
    "a key is dropped": (
        "-- == Indexes ==",
        "ALTER TABLE lead_interactions DROP CONSTRAINT lead_interactions_account_id_fkey",
        "❌ lead_interactions.account_id foreign key: found none",
    ),
    "a key cascades again": (
        "-- == Indexes ==",
        "ALTER TABLE lead_interactions ADD CONSTRAINT again FOREIGN KEY (lead_id) REFERENCES leads ON DELETE CASCADE",
        "❌ lead_interactions.lead_id foreign key: found",
    ),
    "the lead is wanted again": (
        "-- == Foreign keys ==",
        "ALTER TABLE lead_interactions ALTER lead_id SET NOT NULL",
        "❌ lead_id column: NOT NULL",
    ),
    "the history wants a lead again": (
        "-- == Foreign keys ==",
        "ALTER TABLE interaction_events ALTER lead_id SET NOT NULL",
        "❌ interaction_events.lead_id column: NOT NULL",
    ),
    "the policy is dropped": (
        "-- == Indexes ==",
        "DROP POLICY lead_interactions_without_lead ON lead_interactions",
        "❌ row security: the policy for tasks without a lead is missing",
    ),
}


@pytest.mark.parametrize("meddling", MEDDLING)
def test_what_somebody_undoes_meanwhile_is_never_reported_as_done(
    legacy_database: CrmDatabase, tmp_path: Path, meddling: str
) -> None:
    before, sql, words = MEDDLING[meddling]
    text = LINKS.read_text()
    assert 1 == text.count(before)
    shell = f'\\! "{legacy_database.server.bin_dir}/psql" -Xq -d "{legacy_database.superuser_url}" -c "{sql}"\n'
    file = tmp_path / LINKS.name
    file.write_text(text.replace(before, shell + before))

    meddled = by_psql(legacy_database, file)
    again = by_psql(legacy_database, LINKS)

    assert 3 == meddled.code
    assert SUCCESS not in meddled.report
    assert words in meddled.report + meddled.errors
    assert again.is_success, again.report + again.errors


# Nothing to do.

LOCKS = """
SELECT coalesce(string_agg(DISTINCT format('%s on %s', l.mode, l.relation::regclass), ', '), '')
  FROM pg_locks l
 WHERE l.pid = pg_backend_pid() AND l.locktype = 'relation' AND l.relation >= 16384
   AND l.mode NOT IN ('AccessShareLock', 'RowShareLock', 'RowExclusiveLock')
"""


@pytest.mark.parametrize("file", FORWARD, ids=lambda file: file.name[:3])
@pytest.mark.parametrize("mode", ["ACCESS SHARE", "ROW EXCLUSIVE"])
def test_a_second_run_waits_for_nobody_who_reads_or_writes(database: CrmDatabase, file: Path, mode: str) -> None:
    tables = "organizations, users, leads, contacts, accounts, lead_interactions, interaction_events"

    # A lock budget of one try: whoever wanted more than a reader or a writer has would fail.
    with open_transaction(database, f"LOCK {tables} IN {mode} MODE"):
        outcome = by_psql(database, file, taskline__lock_budget="1ms", taskline__api_role=APP)

    assert outcome.is_success, outcome.report + outcome.errors
    assert "a table is in use" not in outcome.errors


@pytest.mark.parametrize("file", FORWARD, ids=lambda file: file.name[:3])
def test_a_second_run_takes_no_lock_that_a_writer_would_feel(
    database: CrmDatabase, legacy_database: CrmDatabase, tmp_path: Path, file: Path
) -> None:
    for earlier in FORWARD[: FORWARD.index(file)]:
        by_psql(legacy_database, earlier)
    if file == OPEN:  # it takes a strong lock only to repair
        by_psql(legacy_database, file)
        legacy_database.psql(
            "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'taskline_open_tasks_of_contact'::regclass"
        )
    # Where a block commits or ends, the locks of its transaction are read before they go.
    check = f"IF ({LOCKS}) <> '' THEN RAISE EXCEPTION 'strong: %', ({LOCKS}); END IF;"
    blocks, text = 0, file.read_text()
    for block in re.findall(r"^DO \$\$\n.*?^END \$\$;", text, re.MULTILINE | re.DOTALL):
        blocks += 1
        text = text.replace(block, block.removesuffix("END $$;") + check + "\nEND $$;")
    watched = tmp_path / file.name
    watched.write_text(text.replace("    COMMIT;\n", f"    {check}\n    COMMIT;\n"))

    first = by_psql(legacy_database, watched, taskline__api_role=APP)
    outcome = by_psql(database, watched, taskline__api_role=APP)

    assert 8 <= blocks
    assert "strong: " in first.errors
    assert outcome.is_success, outcome.report + outcome.errors


def test_a_second_run_does_not_wait_for_an_old_transaction(database: CrmDatabase) -> None:
    with open_transaction(
        database, "UPDATE lead_interactions SET subject = subject WHERE false; SELECT txid_current()"
    ):
        by_runner(database, LINKS, api_role=APP)
        said = by_runner(database, api_role=APP)

    assert all(line.endswith("in place, nothing to do") for line in said)
