"""What the reports say about rows, delete rules and what stands round the table is so, also while others work."""

import re
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.databases import CrmDatabase
from tests.migration_runs import LINKS, SUCCESS, TENANT, Outcome, by_psql, by_runner
from tests.owners import owner_of

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parent.parent
# The last statement before the report's part in which nothing is altered any more.
BEFORE_REPORT = "-- == Validation =="
BEFORE_CHANGES = "-- == Columns =="


def line(outcome: Outcome, beginning: str) -> str:
    """Return the only line of the report that begins so."""
    (found,) = [line for line in outcome.report.splitlines() if line.partition(" ")[2].startswith(beginning)]
    return found


def patched(tmp_path: Path, file: Path, *changes: tuple[str, str]) -> Path:
    """Return a copy of a migration with pieces replaced, each of which it holds once."""
    text = file.read_text()
    for old, new in changes:
        assert 1 == text.count(old)
        text = text.replace(old, new)
    copy = tmp_path / file.name
    copy.write_text(text)
    return copy


def by_others(database: CrmDatabase, sql: str) -> str:
    """Return a psql line that does something in a session of its own, in the middle of a file."""
    return f'\\! "{database.server.bin_dir}/psql" -Xq -d "{database.superuser_url}" -c "{sql}"\n'


# Rows.


def test_a_first_run_counts_the_rows_and_says_that_it_wrote_none(legacy_database: CrmDatabase) -> None:
    n, m = legacy_database.psql(
        "SELECT (SELECT count(*) FROM lead_interactions), (SELECT count(*) FROM interaction_events)"
    ).split("|")

    outcome = by_psql(legacy_database, LINKS)

    counted = f"{n} of lead_interactions, {m} of interaction_events"
    assert (
        "✅ rows: none inserted, updated or deleted by the changes above, by the server's own count; "
        f"before: {counted}; after: {counted}"
    ) == line(outcome, "rows:")


def test_a_run_with_nothing_to_do_counts_nothing(legacy_database: CrmDatabase) -> None:
    by_psql(legacy_database, LINKS)

    assert "ℹ️ rows: nothing was left to do, so none was written and none counted" == line(
        by_psql(legacy_database, LINKS), "rows:"
    )


def test_a_change_that_writes_a_row_spoils_the_report(legacy_database: CrmDatabase, tmp_path: Path) -> None:
    write = "UPDATE lead_interactions SET subject = subject WHERE ctid = (SELECT min(ctid) FROM lead_interactions);"
    file = patched(tmp_path, LINKS, ("      EXECUTE ddl;\n", f"      EXECUTE ddl;\n{write}\n"))

    outcome = by_psql(legacy_database, file)

    assert 3 == outcome.code
    assert line(outcome, "rows:").startswith("❌ rows: ")
    assert SUCCESS not in outcome.report


def test_what_others_write_meanwhile_is_not_ours(legacy_database: CrmDatabase, tmp_path: Path) -> None:
    work = by_others(
        legacy_database,
        "ALTER TABLE lead_interactions DISABLE TRIGGER USER; "
        "UPDATE lead_interactions SET subject = 'changed' WHERE id IN (SELECT id FROM lead_interactions LIMIT 4); "
        "DELETE FROM lead_interactions "
        "WHERE id IN (SELECT id FROM lead_interactions WHERE subject <> 'changed' LIMIT 3); "
        "ALTER TABLE lead_interactions ENABLE TRIGGER USER",
    )
    file = patched(tmp_path, LINKS, (BEFORE_REPORT, work + BEFORE_REPORT))

    outcome = by_psql(legacy_database, file, taskline__checksum="Yes")

    assert outcome.is_success, outcome.report + outcome.errors
    assert line(outcome, "rows:").startswith("✅ rows: none inserted, updated or deleted by the changes above")
    assert line(outcome, "rows:").endswith("; the difference is the work of others meanwhile")
    assert line(outcome, "checksum").endswith(
        "of 600 rows others changed 4 and deleted 3 meanwhile, and added 0; the rest are equal one by one"
    )
    assert line(outcome, "checksum").startswith("ℹ️ checksum of the earlier columns: ")


def test_a_run_beside_writers_says_the_truth(legacy_database: CrmDatabase) -> None:
    is_over = threading.Event()

    def write_on() -> None:
        with owner_of(legacy_database) as writer:
            while not is_over.is_set():
                writer.run("UPDATE contacts SET id = id WHERE id = (SELECT id FROM contacts ORDER BY random() LIMIT 1)")

    writer = threading.Thread(target=write_on)
    writer.start()
    try:
        outcome = by_psql(legacy_database, LINKS)
    finally:
        is_over.set()
        writer.join()

    assert outcome.is_success, outcome.report + outcome.errors
    assert line(outcome, "rows:").startswith("✅")


def test_a_server_that_does_not_count_proves_nothing(legacy_database: CrmDatabase) -> None:
    legacy_database.psql(f"ALTER DATABASE {legacy_database.name} SET track_counts = off")

    links, tenant = (by_psql(legacy_database, file) for file in (LINKS, TENANT))

    assert links.is_success
    assert "⚠️ rows: the server doesn't count what a session writes (track_counts is off)" == line(links, "rows:")
    assert line(tenant, "organization_id:").endswith("(track_counts is off)")


def test_a_checksum_is_made_on_request(legacy_database: CrmDatabase) -> None:
    command = [sys.executable, "-m", "commands", "migrate", "up", "--checksum", "--url", legacy_database.owner_url]

    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    assert 0 == done.returncode, done.stderr
    (said,) = [line for line in done.stdout.splitlines() if "checksum" in line]
    assert said.startswith("✅ checksum of the earlier columns: ")
    assert said.endswith(" before and after, 600 rows")


def test_042_says_how_many_rows_it_wrote_and_that_it_wrote_no_other(legacy_database: CrmDatabase) -> None:
    by_psql(legacy_database, LINKS)
    empty = int(legacy_database.psql("SELECT count(*) FROM lead_interactions WHERE organization_id IS NULL"))

    outcome = by_psql(legacy_database, TENANT)

    assert 1 < empty
    assert (f"✅ organization_id: {empty} rows filled, and by the server's own count no other row written") == line(
        outcome, "organization_id:"
    )


def test_042_says_what_a_trigger_of_the_database_wrote_besides(legacy_database: CrmDatabase) -> None:
    by_psql(legacy_database, LINKS)
    legacy_database.psql(
        """CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
           BEGIN
             UPDATE contacts SET id = id WHERE id = (SELECT min(id::text)::uuid FROM contacts);
             RETURN NULL;
           END $$;
           CREATE TRIGGER touch AFTER UPDATE ON lead_interactions FOR EACH ROW EXECUTE FUNCTION touch()"""
    )

    outcome = by_psql(legacy_database, TENANT)

    assert outcome.is_success, outcome.report + outcome.errors
    assert line(outcome, "organization_id:").endswith("12 rows filled; triggers of this database wrote 12 rows besides")
    assert line(outcome, "organization_id:").startswith("⚠️")


# Rules.


def test_a_delete_rule_that_changed_is_told_with_when(legacy_database: CrmDatabase) -> None:
    first = by_psql(legacy_database, LINKS)
    second = by_psql(legacy_database, LINKS)

    rule = "lead_interactions.lead_id delete rule:"
    assert f"ℹ️ {rule} was CASCADE, is SET NULL, changed by this run" == line(first, rule)
    assert line(second, rule).startswith(f"ℹ️ {rule} was CASCADE, is SET NULL, changed on 20")


def test_a_delete_rule_without_a_name_is_no_action_and_one_that_was_right_stays(legacy_database: CrmDatabase) -> None:
    legacy_database.psql(
        """ALTER TABLE lead_interactions
            DROP CONSTRAINT lead_interactions_lead_id_fkey, ADD FOREIGN KEY (lead_id) REFERENCES leads;
           ALTER TABLE interaction_events
            DROP CONSTRAINT interaction_events_lead_id_fkey,
             ADD FOREIGN KEY (lead_id) REFERENCES leads ON DELETE SET NULL""",
        url=legacy_database.owner_url,
    )

    outcome = by_psql(legacy_database, LINKS)

    assert "was NO ACTION, is SET NULL, changed by this run" in line(outcome, "lead_interactions.lead_id delete rule:")
    assert line(outcome, "interaction_events.lead_id delete rule:").endswith("SET NULL, as before")


# What stands round the table.


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ("DROP TRIGGER sync_lead_next_follow_up ON lead_interactions", "is gone"),
        ("ALTER TABLE lead_interactions DISABLE TRIGGER trigger_create_interaction_event", "is changed"),
        ("CREATE POLICY another ON lead_interactions USING (false)", "policy another is new"),
        ("CREATE VIEW tasks AS SELECT id FROM lead_interactions", "view public.tasks is new"),
        (
            "ALTER POLICY lead_interactions_isolation ON lead_interactions USING (true)",
            "policy lead_interactions_isolation is changed",
        ),
    ],
)
def test_what_changed_round_the_table_meanwhile_is_named(
    legacy_database: CrmDatabase, tmp_path: Path, sql: str, words: str
) -> None:
    file = patched(tmp_path, LINKS, (BEFORE_CHANGES, by_others(legacy_database, sql) + BEFORE_CHANGES))

    outcome = by_psql(legacy_database, file)

    assert 3 == outcome.code
    assert SUCCESS not in outcome.report
    assert words in line(outcome, "triggers (4), earlier policies (1) and views (0) of lead_interactions: changed")


# The page that explains it.


def test_the_report_in_the_docs_is_a_real_one(legacy_database: CrmDatabase) -> None:
    said = "\n".join(by_runner(legacy_database, LINKS, api_role="crm_app"))

    page = (ROOT / "docs" / "migrations.md").read_text()
    shown = page.partition("## Read the report")[2].partition("```\n")[2].partition("```")[0]
    assert generalised(shown) in generalised(said)


def generalised(report: str) -> str:
    """Return a report without the numbers of rows, which differ from database to database."""
    return re.sub(r"\d+ of", "N of", report)
