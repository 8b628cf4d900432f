"""041: tasks that hang on a contact or an account alone, in a live legacy CRM."""

import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.databases import CrmDatabase
from tests.deadlines import DEADLINE_S, eventually
from tests.migration_runs import (
    FORWARD,
    LINKS,
    SUCCESS,
    by_psql,
    by_runner,
    fingerprint,
    open_transaction,
    psql_command,
    schema_dump,
)
from tests.owners import owner_of

pytestmark = pytest.mark.slow

PROMISED_REPORT = """\
╔════════════════════════════════════════════════════════════════╗
║         MIGRATION VALIDATION REPORT                            ║
╚════════════════════════════════════════════════════════════════╝
✅ lead_id column: NULLABLE (allows tasks without leads)
✅ contact_id column: CREATED
✅ account_id column: CREATED
✅ contact_id index: CREATED
✅ account_id index: CREATED

🎉 MIGRATION COMPLETED SUCCESSFULLY!

Tasks can now link to:
  • Lead (lead_id) - for lead-specific tasks
  • Contact (contact_id) - for contact-specific tasks
  • Account (account_id) - for account-specific tasks
  • Any combination of the above
"""

AS_TENANT = """
SELECT id AS tenant FROM organizations ORDER BY slug LIMIT 1 \\gset
SELECT id AS assignee FROM users WHERE organization_id = :'tenant' ORDER BY email LIMIT 1 \\gset
SELECT contact_id AS contact, id AS account FROM accounts WHERE organization_id = :'tenant' ORDER BY id LIMIT 1 \\gset
SELECT l.id AS lead FROM leads l WHERE organization_id = :'tenant' ORDER BY id LIMIT 1 \\gset
SET ROLE crm_app;
SELECT set_config('app.current_organization_id', :'tenant', false) \\g /dev/null
"""
NEW_TASK = """
INSERT INTO lead_interactions (lead_id, contact_id, account_id, user_id, organization_id, interaction_type, status)
VALUES ({lead}, {contact}, {account}, :'assignee', :'tenant', 'task', 'pending') RETURNING id AS task \\gset
"""
# The links of a new task: lead, contact, account.
COMBINATIONS = {
    "contact": ("NULL", ":'contact'", "NULL"),
    "account": ("NULL", "NULL", ":'account'"),
    "contact and account": ("NULL", ":'contact'", ":'account'"),
    "lead": (":'lead'", "NULL", "NULL"),
    "lead and contact": (":'lead'", ":'contact'", "NULL"),
    "all three": (":'lead'", ":'contact'", ":'account'"),
}


def script(database: CrmDatabase, sql: str) -> list[str]:
    """Run a psql script as the superuser, who can find rows first and then become the app."""
    command = psql_command(database, "-At", "-v", "ON_ERROR_STOP=1", url=database.superuser_url)
    done = subprocess.run(command, input=sql, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.split("\n")[:-1]


def new_task(links: str) -> str:
    lead, contact, account = COMBINATIONS[links]
    return NEW_TASK.format(lead=lead, contact=contact, account=account)


def test_psql_shows_the_promised_report_to_the_letter(legacy_database: CrmDatabase) -> None:
    outcome = by_psql(legacy_database, LINKS)

    assert outcome.report.startswith(PROMISED_REPORT + "\n✅ type and entities index: CREATED\n")
    assert outcome.errors == ""
    assert "❌" not in outcome.report
    assert "⚠️" not in outcome.report


def test_the_runner_shows_the_promised_report_to_the_letter(legacy_database: CrmDatabase) -> None:
    said = by_runner(legacy_database, LINKS)

    assert PROMISED_REPORT in "\n".join(said)


def test_an_include_does_the_same_as_a_file(legacy_database: CrmDatabase) -> None:
    done = subprocess.run(
        psql_command(legacy_database), input=f"\\i '{LINKS}'\n", capture_output=True, text=True, check=True
    )

    assert done.stdout.startswith(PROMISED_REPORT)


def test_psql_and_the_runner_leave_the_same_schema(
    legacy_database: CrmDatabase, second_legacy_database: CrmDatabase
) -> None:
    for file in FORWARD:
        by_psql(legacy_database, file)
    by_runner(second_legacy_database)

    assert fingerprint(legacy_database) == fingerprint(second_legacy_database)
    assert schema_dump(legacy_database) == schema_dump(second_legacy_database)


@pytest.mark.parametrize("links", COMBINATIONS)
def test_after_041_alone_the_app_inserts_sees_and_completes(legacy_database: CrmDatabase, links: str) -> None:
    by_psql(legacy_database, LINKS)

    lines = script(
        legacy_database,
        AS_TENANT
        + new_task(links)
        + """
        SELECT count(*) FROM lead_interactions WHERE id = :'task';
        WITH done AS (UPDATE lead_interactions SET status = 'completed', completed_at = now()
                       WHERE id = :'task' RETURNING 1)
        SELECT count(*) FROM done;
        SELECT string_agg(event_type, ',' ORDER BY event_type) FROM interaction_events WHERE interaction_id = :'task';
        SELECT set_config('app.current_organization_id', gen_random_uuid()::text, false) \\g /dev/null
        SELECT count(*) FROM lead_interactions WHERE id = :'task';
        """,
    )

    assert ["1", "1", "completed,created", "0"] == lines


def test_an_existing_task_of_a_lead_can_still_be_completed(legacy_database: CrmDatabase) -> None:
    by_psql(legacy_database, LINKS)

    lines = script(
        legacy_database,
        """
        SELECT t.id AS task, t.organization_id AS tenant FROM lead_interactions t JOIN leads l ON l.id = t.lead_id
         WHERE t.interaction_type = 'task' AND t.status = 'pending' AND t.completed_at IS NULL
           AND l.organization_id = t.organization_id
         ORDER BY t.id LIMIT 1 \\gset
        SET ROLE crm_app;
        SELECT set_config('app.current_organization_id', :'tenant', false) \\g /dev/null
        UPDATE lead_interactions SET status = 'completed', completed_at = now() WHERE id = :'task' RETURNING status;
        """,
    )

    assert ["completed"] == lines


def test_a_task_that_also_hangs_on_a_contact_outlives_its_lead_with_its_history(legacy_database: CrmDatabase) -> None:
    by_psql(legacy_database, LINKS)

    lines = script(
        legacy_database,
        AS_TENANT
        + new_task("lead and contact")
        + """
        RESET ROLE;
        DELETE FROM leads WHERE id = :'lead';
        SELECT lead_id IS NULL, contact_id = :'contact' FROM lead_interactions WHERE id = :'task';
        SELECT count(*) FROM interaction_events WHERE interaction_id = :'task' AND lead_id IS NULL;
        """,
    )

    assert ["t|t", "1"] == lines


def test_no_row_is_modified(legacy_database: CrmDatabase) -> None:
    checksum = "SELECT md5(string_agg((to_jsonb(t) - 'contact_id' - 'account_id')::text, ',' ORDER BY id)) FROM {} t"
    tables = ("lead_interactions", "interaction_events", "leads", "contacts", "accounts")
    before = [legacy_database.psql(checksum.format(table)) for table in tables]

    by_psql(legacy_database, LINKS)

    assert before == [legacy_database.psql(checksum.format(table)) for table in tables]


@pytest.mark.parametrize("way", ["-1", "begin"])
@pytest.mark.parametrize("file", FORWARD, ids=lambda file: file.name[:3])
def test_a_transaction_block_is_refused_in_clear_words(legacy_database: CrmDatabase, way: str, file: Path) -> None:
    before = schema_dump(legacy_database)

    outcome = by_psql(legacy_database, file, *(["-1"] if way == "-1" else ["-c", "BEGIN"]))

    assert "can't run inside a transaction block" in outcome.errors
    assert SUCCESS not in outcome.report
    assert before == schema_dump(legacy_database)


def test_a_second_run_takes_no_exclusive_lock(legacy_database: CrmDatabase) -> None:
    first = by_psql(legacy_database, LINKS)
    tables = "lead_interactions, interaction_events, leads, contacts, accounts"

    # ROW EXCLUSIVE is what a writer holds; everything from SHARE ROW EXCLUSIVE on would have to wait for it.
    with open_transaction(legacy_database, f"LOCK {tables} IN ROW EXCLUSIVE MODE"):
        second = by_psql(legacy_database, LINKS, taskline__lock_budget="1s")

    assert first.is_success
    assert second.is_success
    assert "nothing was left to do" in second.report
    assert second.errors == ""


def test_a_blocked_lock_is_tried_again_while_others_go_on(legacy_database: CrmDatabase) -> None:
    waits = [0.0]

    def read_on() -> None:
        with owner_of(legacy_database) as reader:
            while not migration.done():
                started = time.monotonic()
                reader.run("SELECT count(*) FROM lead_interactions")
                waits.append(time.monotonic() - started)

    rests = "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND datname = current_database())"
    with ThreadPoolExecutor() as threads:
        with open_transaction(legacy_database, "SELECT FROM lead_interactions LIMIT 1"):
            migration = threads.submit(by_psql, legacy_database, LINKS)
            reader = threads.submit(read_on)
            assert eventually(lambda: "t" == legacy_database.psql(rests))
            read = len(waits)
            # Those who came during the try have read, and so have others since, while what it waits for is still there.
            assert eventually(lambda: len(waits) > read + 1)
        outcome = migration.result(DEADLINE_S)
        reader.result(DEADLINE_S)

    assert outcome.is_success
    assert "a table is in use, trying again" in outcome.errors
    # One try waits 150 ms; the rest is for a busy machine.
    assert max(waits) < 2


def test_without_a_lock_in_time_it_says_who_holds_it_and_goes_on_later(legacy_database: CrmDatabase) -> None:
    with open_transaction(legacy_database, "SELECT FROM lead_interactions LIMIT 1"):
        refused = by_psql(legacy_database, LINKS, taskline__lock_budget="300ms")
    later = by_psql(legacy_database, LINKS)

    assert 3 == refused.code
    assert "no lock within 00:00:00.3" in refused.errors
    assert "idle in transaction" in refused.errors
    assert later.is_success


def test_a_backend_killed_while_it_builds_an_index_leaves_nothing_that_a_second_run_does_not_finish(
    legacy_database: CrmDatabase,
) -> None:
    # A snapshot held elsewhere keeps the concurrent build waiting, so that it can be killed there.
    with open_transaction(
        legacy_database,
        "DECLARE c CURSOR FOR SELECT FROM users; FETCH 1 FROM c; INSERT INTO users "
        "SELECT (jsonb_populate_record(u, jsonb_build_object('id', gen_random_uuid(), 'email', 'x@y'))).* "
        "FROM users u LIMIT 1",
    ):
        process = subprocess.Popen(
            psql_command(legacy_database, "-f", str(LINKS)), stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        building = (
            "FROM pg_stat_activity WHERE query LIKE 'CREATE INDEX CONCURRENTLY%' AND datname = current_database()"
        )
        is_waiting = (
            f"SELECT count(*) {building} AND wait_event_type = 'Lock' "
            "AND EXISTS (SELECT FROM pg_index WHERE NOT indisvalid)"
        )
        assert eventually(lambda: process.poll() is not None or "0" != legacy_database.psql(is_waiting))
        legacy_database.psql(f"SELECT pg_terminate_backend(pid) {building}")
        process.communicate(timeout=DEADLINE_S)
    leftover = legacy_database.psql("SELECT count(*) FROM pg_index WHERE NOT indisvalid")

    outcome = by_psql(legacy_database, LINKS)

    assert "1" == leftover
    assert outcome.is_success
    assert "0" == legacy_database.psql("SELECT count(*) FROM pg_index WHERE NOT indisvalid")


def test_an_empty_table_is_migrated_and_the_report_says_what_is_unproven(legacy_database: CrmDatabase) -> None:
    legacy_database.psql("TRUNCATE lead_interactions CASCADE")

    outcome = by_psql(legacy_database, LINKS)

    assert outcome.is_success
    assert "⚠️ not proven: behaviour: lead_interactions has no row" in outcome.report


def test_without_a_role_to_try_as_the_report_says_so(legacy_database: CrmDatabase) -> None:
    legacy_database.psql("REVOKE ALL ON lead_interactions FROM crm_app")

    outcome = by_psql(legacy_database, LINKS)

    assert outcome.is_success
    assert "⚠️ not proven: row security: no role bound by row security has rights on the table" in outcome.report


@pytest.mark.parametrize(("text", "foreign"), [("as typed", {"idx_other_account_id"}), ("corrected", set())])
def test_the_manual_verification_queries_run(legacy_database: CrmDatabase, text: str, foreign: set[str]) -> None:
    by_psql(legacy_database, LINKS)
    legacy_database.psql("CREATE INDEX idx_other_account_id ON accounts (id)")  # of another table
    condition = "tablename = 'lead_interactions' AND indexname LIKE '%contact_id%' OR indexname LIKE '%account_id%'"
    if text == "corrected":
        condition = (
            "tablename = 'lead_interactions' AND (indexname LIKE '%contact_id%' OR indexname LIKE '%account_id%')"
        )

    columns = legacy_database.psql(
        "SELECT column_name, data_type, is_nullable FROM information_schema.columns "
        "WHERE table_name = 'lead_interactions' AND column_name IN ('lead_id', 'contact_id', 'account_id') "
        "ORDER BY ordinal_position"
    )
    indexes = legacy_database.psql(f"SELECT indexname FROM pg_indexes WHERE {condition}").split("\n")

    assert "lead_id|uuid|YES\ncontact_id|uuid|YES\naccount_id|uuid|YES" == columns
    assert {"idx_lead_interactions_contact_id", "idx_lead_interactions_account_id"} | foreign == set(indexes)
