"""045: the log begins beside people at work, takes the old history over once, and can be taken back."""

import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.databases import APP, CrmDatabase, copy
from tests.migration_runs import (
    CHANGES_BACK,
    LOG,
    LOG_BACK,
    SUCCESS,
    TENANT,
    by_psql,
    by_runner,
    open_transaction,
    psql_command,
    schema_dump,
    take_back,
    take_back_later,
)
from tests.test_migration_readiness import missing

pytestmark = pytest.mark.slow

LI = "ALTER TABLE lead_interactions"
COPIED = "SELECT count(*) FROM taskline_events WHERE xid IS NULL"
OLD = "SELECT count(*) FROM interaction_events"
DOUBLED = """
SELECT count(*) FROM (SELECT interaction_id, type, at, changed FROM taskline_events
                       GROUP BY interaction_id, type, at, changed, xid IS NULL, before, after HAVING count(*) > 1) AS d
"""
CRM = """
SELECT md5(string_agg(t::text, ',' ORDER BY id)) FROM lead_interactions t
 UNION ALL SELECT md5(string_agg(t::text, ',' ORDER BY id)) FROM leads t
 UNION ALL SELECT md5(string_agg(t::text, ',' ORDER BY id)) FROM interaction_events t
 UNION ALL SELECT md5(string_agg(xmin::text, ',' ORDER BY id)) FROM lead_interactions t
"""
LEFTOVERS = """
SELECT concat_ws(',', to_regclass('taskline_045_copy'), to_regprocedure('taskline_045_is_new()'),
                 (SELECT tgname FROM pg_trigger WHERE tgname = '~taskline_045_is_new'))
"""


@pytest.fixture
def ready(through_template: Callable[[int], CrmDatabase]) -> Iterator[CrmDatabase]:
    """A CRM after 044."""
    with copy(through_template(44)) as database:
        yield database


def in_two(tmp_path: Path, heading: str) -> Path:
    """Return the file up to a heading, which leaves the database as a run that is killed there."""
    cut = tmp_path / "cut.sql"
    cut.write_text(LOG.read_text().partition(f"-- == {heading} ==")[0])
    return cut


def test_it_changes_no_row_of_the_crm(ready: CrmDatabase) -> None:
    before = ready.psql(CRM)

    outcome = by_psql(ready, LOG)

    assert outcome.is_success, outcome.report + outcome.errors
    assert before == ready.psql(CRM)
    assert [] == [name for name in missing(ready, ready.app_url) if name < "046"]
    assert "" == ready.psql(LEFTOVERS)


def test_each_line_of_the_old_history_is_copied_once(ready: CrmDatabase) -> None:
    first = by_psql(ready, LOG)
    count = ready.psql(COPIED)
    second = by_psql(ready, LOG)

    assert f"the old history: {ready.psql(OLD)} rows copied now" in first.report
    assert "the old history: 0 rows copied now" in second.report
    assert (ready.psql(OLD), count) == (count, ready.psql(COPIED))


def test_old_words_become_ours(ready: CrmDatabase) -> None:
    id_ = ready.psql(
        "SELECT interaction_id FROM interaction_events WHERE event_type = 'created' ORDER BY created_at LIMIT 1"
    )
    ready.psql(
        f"DELETE FROM interaction_events WHERE interaction_id = '{id_}' AND event_type <> 'created'; "
        "INSERT INTO interaction_events (interaction_id, organization_id, event_type, field_changed, old_value, "
        "new_value, event_metadata, created_at, changed_by) "
        "SELECT t.id, t.organization_id, v.*, t.created_at + n * interval '1 day', t.user_id "
        "FROM lead_interactions t, (VALUES "
        "(1, 'reassigned', 'assignee', 'Ann A', 'Bob B', '{}'::jsonb), "
        "(2, 'priority_changed', 'priority', 'low', 'high', '{}'), "
        "(3, 'date_changed', 'scheduled_at', '2026-01-01', '2026-02-01', '{}'), "
        '(4, \'completed\', NULL, NULL, NULL, \'{"outcome": "Sent", "completed_at": "2026-03-01T00:00:00+00:00"}\'), '
        "(5, 'cancelled', NULL, NULL, NULL, NULL), "
        "(6, 'of another time', 'unheard', 'a', 'b', '[]')) AS w(n, a, b, c, d, e) "
        "CROSS JOIN LATERAL (SELECT w.a, w.b, w.c, w.d, w.e) AS v "
        f"WHERE t.id = '{id_}'"
    )

    assert by_psql(ready, LOG).is_success

    found = ready.psql(
        "SELECT type, changed, before, after, xid IS NULL, actor_id IS NOT NULL FROM taskline_events "
        f"WHERE interaction_id = '{id_}' AND type <> 'created' ORDER BY at"
    )
    assert [
        'assigned|{assignee}|{"assignee": "Ann A"}|{"assignee": "Bob B"}|t|t',
        'updated|{priority}|{"priority": "low"}|{"priority": "high"}|t|t',
        'updated|{scheduled_at}|{"scheduled_at": "2026-01-01"}|{"scheduled_at": "2026-02-01"}|t|t',
        'completed|{completed_at,outcome}||{"outcome": "Sent", "completed_at": "2026-03-01T00:00:00+00:00"}|t|t',
        'cancelled|{status}||{"status": "cancelled"}|t|t',
        "updated|{}|||t|t",
    ] == found.splitlines()


@pytest.mark.parametrize("heading", ["Table", "Triggers", "History", "Validation"])
def test_a_run_that_was_broken_off_is_gone_on_with(ready: CrmDatabase, tmp_path: Path, heading: str) -> None:
    by_psql(ready, in_two(tmp_path, heading))
    ready.psql("UPDATE lead_interactions SET priority = 'high', completed_at = now() WHERE completed_at IS NULL")
    if heading == "History":  # and the copy itself was broken off before its second bite
        ready.psql(
            "INSERT INTO taskline_events (xid, organization_id, interaction_id, type, at) "
            "SELECT NULL, organization_id, interaction_id, 'created', created_at FROM interaction_events e "
            "WHERE NOT EXISTS (SELECT FROM taskline_045_copy c WHERE c.id = e.id) ORDER BY id LIMIT 100; "
            "INSERT INTO taskline_045_copy (id, is_last) "
            "SELECT id, true FROM interaction_events e "
            "WHERE NOT EXISTS (SELECT FROM taskline_045_copy c WHERE c.id = e.id) ORDER BY id LIMIT 1 OFFSET 99"
        )
    seen = int(ready.psql("SELECT count(*) FROM interaction_events WHERE event_type = 'priority_changed'"))

    outcome = by_psql(ready, LOG)

    assert seen > 0
    assert outcome.is_success, outcome.report + outcome.errors
    native = "SELECT count(*) FROM taskline_events WHERE xid IS NOT NULL"
    completed = "SELECT count(*) FROM interaction_events WHERE event_type IN ('priority_changed', 'completed')"
    is_logged = heading in {"History", "Validation"}
    new = int(ready.psql(f"{completed} AND created_at > now() - interval '10 minutes'")) if is_logged else 0
    assert int(ready.psql(OLD)) - new == int(ready.psql(COPIED))
    assert (int(ready.psql(native)) > 0) is is_logged
    assert "" == ready.psql(LEFTOVERS)


def test_what_is_written_while_it_copies_is_in_the_log_once(ready: CrmDatabase) -> None:
    write = (
        "INSERT INTO lead_interactions (lead_id, user_id, organization_id, interaction_type, subject) "
        "SELECT lead_id, user_id, organization_id, 'note', 'meanwhile' FROM lead_interactions "
        "WHERE organization_id IS NOT NULL LIMIT 1;\n"
    )
    with subprocess.Popen(psql_command(ready), stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as writer:
        assert writer.stdin
        writer.stdin.write(write * 400)
        writer.stdin.close()

        outcome = by_psql(ready, LOG)

        assert writer.stderr
        assert "" == writer.stderr.read()
    assert outcome.is_success, outcome.report + outcome.errors
    assert "400|400" == ready.psql(
        "SELECT count(*), count(DISTINCT interaction_id) FROM taskline_events e "
        "JOIN lead_interactions t ON t.id = e.interaction_id WHERE t.subject = 'meanwhile' AND e.type = 'created'"
    )


def test_nobody_waits_for_it_behind_a_long_transaction(ready: CrmDatabase) -> None:
    with open_transaction(ready, "UPDATE leads SET notes = 'x' WHERE id = (SELECT id FROM leads LIMIT 1)"):
        stopped = by_psql(ready, LOG, taskline__lock_budget="300ms")

    outcome = by_psql(ready, LOG)

    assert "no lock within 00:00:00.3" in stopped.errors
    assert outcome.is_success, outcome.report + outcome.errors


# What a database may have already.

REPAIRED = {
    "no old history": (
        "DROP TABLE interaction_events CASCADE; "
        "DROP TRIGGER trigger_create_interaction_event ON lead_interactions; "
        "DROP TRIGGER trigger_track_interaction_updates ON lead_interactions"
    ),
    "an old history without a key": "ALTER TABLE interaction_events DROP CONSTRAINT interaction_events_pkey",
    "lines without an instant": "UPDATE interaction_events SET created_at = NULL",
    "lines with metadata of all sorts": "UPDATE interaction_events SET event_metadata = '[1]'",
    "no row": "TRUNCATE lead_interactions CASCADE",
    "default privileges": f"ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO {APP}, PUBLIC",
    "a trigger that deletes nothing": (
        "CREATE FUNCTION stay() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN OLD; END'; "
        "CREATE TRIGGER stay BEFORE DELETE ON contacts FOR EACH ROW EXECUTE FUNCTION stay()"
    ),
}
REFUSED = {
    "another table of the name": (
        "CREATE TABLE taskline_events (id int)",
        "public.taskline_events: found another table under this name",
    ),
    "another function of the name": (
        "CREATE FUNCTION taskline_log_interaction() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
        "public.taskline_log_interaction(): found another function under this name",
    ),
    "another trigger of the name": (
        (
            "CREATE FUNCTION mine() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN OLD; END'; "
            'CREATE TRIGGER "~taskline_lost_link" BEFORE DELETE ON leads FOR EACH ROW EXECUTE FUNCTION mine()'
        ),
        "leads: found another trigger under the name",
    ),
    "an index's name is taken": (
        "CREATE TABLE taskline_events_by_transaction (id int)",
        "taskline_events_by_transaction: found something else under this name",
    ),
    "row security is forced on contacts": (
        "ALTER TABLE contacts FORCE ROW LEVEL SECURITY",
        "contacts: found row security forced on its owner",
    ),
}
# What somebody does after 045: (SQL, the check of readiness.sql that says so).
PLANTED = {
    "trigger off": (f"{LI} DISABLE TRIGGER taskline_events", "trigger_on_lead_interactions"),
    "trigger not for subscriptions": (f"{LI} ENABLE TRIGGER taskline_events", "trigger_on_lead_interactions"),
    "no trigger": ("DROP TRIGGER taskline_events ON lead_interactions", "trigger_on_lead_interactions"),
    "no trigger on leads": ('DROP TRIGGER "~taskline_lost_link" ON leads', "trigger_on_leads"),
    "trigger of contacts off": ('ALTER TABLE contacts DISABLE TRIGGER "~taskline_lost_link"', "trigger_on_contacts"),
    "function does something else": (
        (
            "CREATE OR REPLACE FUNCTION taskline_log_interaction() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER "
            "SET search_path = pg_catalog, pg_temp AS 'BEGIN RETURN NULL; END'"
        ),
        "trigger_on_lead_interactions",
    ),
    "function with the caller's rights": (
        "ALTER FUNCTION taskline_log_interaction() SECURITY INVOKER",
        "trigger_on_lead_interactions",
    ),
    "function of any path": (
        "ALTER FUNCTION taskline_log_lost_account() RESET search_path",
        "trigger_on_accounts",
    ),
    "row security off": ("ALTER TABLE taskline_events DISABLE ROW LEVEL SECURITY", "row_security"),
    "policy that shows all": (
        (
            "DROP POLICY taskline_events_tenant ON taskline_events; "
            "CREATE POLICY taskline_events_tenant ON taskline_events FOR SELECT USING (true)"
        ),
        "row_security",
    ),
    "no right to read": (f"REVOKE ALL ON taskline_events FROM {APP}", "rights_on_taskline_events"),
    "no index": ("DROP INDEX taskline_events_of_interaction", "taskline_events_of_interaction"),
}


@pytest.mark.parametrize("drift", REPAIRED)
def test_what_is_there_is_carried_through_and_comes_back_as_it_was(ready: CrmDatabase, drift: str) -> None:
    ready.psql(REPAIRED[drift], url=ready.owner_url)
    before = schema_dump(ready)

    forward, again = (by_psql(ready, LOG) for _ in range(2))
    unmet = {name for name in missing(ready, ready.app_url) if name.startswith("045")}
    back = by_psql(ready, LOG_BACK)

    assert forward.is_success, forward.report + forward.errors
    assert again.is_success, again.report + again.errors
    assert set() == unmet
    assert 0 == back.code, back.errors
    assert before == schema_dump(ready)


@pytest.mark.parametrize("drift", REFUSED)
def test_what_it_must_not_repair_is_refused_by_name_with_nothing_changed(ready: CrmDatabase, drift: str) -> None:
    sql, words = REFUSED[drift]
    ready.psql(sql, url=ready.owner_url)
    before = schema_dump(ready)

    outcome = by_psql(ready, LOG)

    assert 3 == outcome.code
    assert words in outcome.errors
    assert "Nothing was changed" in outcome.errors
    assert "Next: " in outcome.errors
    assert SUCCESS not in outcome.report
    assert before == schema_dump(ready)


def test_it_comes_after_044(legacy_database: CrmDatabase) -> None:
    by_runner(legacy_database, through=43, api_role=APP)

    outcome = by_psql(legacy_database, LOG)

    assert "Next: run 044_changes_of_tasks.sql first" in outcome.errors


@pytest.mark.parametrize("drift", PLANTED)
def test_what_somebody_changes_afterwards_is_seen_and_repaired(database: CrmDatabase, drift: str) -> None:
    sql, check = PLANTED[drift]
    database.psql(sql, url=database.owner_url)

    found = missing(database, database.app_url)
    outcome = by_psql(database, LOG, taskline__api_role=APP)

    assert f"045.{check}" in found
    assert outcome.is_success, outcome.report + outcome.errors
    assert {} == missing(database, database.app_url)


def test_a_run_with_nothing_to_do_takes_no_exclusive_lock(database: CrmDatabase) -> None:
    tables = "leads, contacts, accounts, lead_interactions, interaction_events, taskline_events"
    with open_transaction(database, f"LOCK TABLE {tables} IN ROW EXCLUSIVE MODE"):
        outcome = by_psql(database, LOG, taskline__lock_budget="300ms")

    assert outcome.is_success, outcome.report + outcome.errors


# The way back.


def test_taken_back_the_log_is_kept_aside_and_writes_go_on(database: CrmDatabase) -> None:
    database.psql("UPDATE lead_interactions SET subject = 'Else' WHERE id = (SELECT id FROM lead_interactions LIMIT 1)")
    lines = database.psql("SELECT count(*) FROM taskline_events")

    back = take_back(database, LOG_BACK)
    database.psql("UPDATE lead_interactions SET subject = 'Again'; DELETE FROM leads")
    forward = by_psql(database, LOG, taskline__api_role=APP)

    assert "the log, with 1 lines of its own, stays as public.taskline_events_rolled_back_045" in back.report
    assert lines == database.psql("SELECT count(*) FROM taskline_events_rolled_back_045")
    assert "permission denied" in read_as_app(database, "taskline_events_rolled_back_045")
    assert forward.is_success, forward.report + forward.errors
    assert database.psql(OLD) == database.psql(COPIED)


def read_as_app(database: CrmDatabase, table: str) -> str:
    command = psql_command(database, "-c", f"SELECT FROM {table}", url=database.app_url)
    return subprocess.run(command, capture_output=True, text=True, check=False).stderr


def test_a_second_way_back_keeps_what_the_first_one_kept(database: CrmDatabase) -> None:
    for _ in range(2):
        database.psql("UPDATE lead_interactions SET subject = subject || 'x' WHERE subject IS NOT NULL")
        assert 0 == take_back(database, LOG_BACK).code
        assert by_psql(database, LOG, taskline__api_role=APP).is_success

    assert "2" == database.psql("SELECT count(*) FROM pg_class WHERE relname LIKE 'taskline\\_events\\_rolled\\_back%'")


def test_044_is_not_taken_back_before_045(database: CrmDatabase) -> None:
    take_back_later(database, LOG_BACK)

    outcome = by_psql(database, CHANGES_BACK)

    assert 3 == outcome.code
    assert re.search(r"045.*in place.*045_event_log\.rollback\.sql", outcome.errors, re.DOTALL)


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ("CREATE VIEW latest AS SELECT max(seq) FROM taskline_events", "found that view latest needs it"),
        (
            (
                "CREATE TABLE t (id uuid, organization_id uuid); CREATE TRIGGER mine AFTER INSERT ON t FOR EACH ROW "
                "EXECUTE FUNCTION taskline_log_interaction()"
            ),
            "found that trigger mine on t calls it, too",
        ),
    ],
)
def test_what_others_built_on_it_is_named_before_anything_is_taken_back(
    database: CrmDatabase, sql: str, words: str
) -> None:
    database.psql(sql, url=database.owner_url)

    outcome = take_back(database, LOG_BACK)

    assert 3 == outcome.code
    assert words in outcome.errors
    assert "Nothing was changed" in outcome.errors


LINES_OF_A_DISPUTED_ROW = """
SET app.current_organization_id = '{organization}';
SELECT count(*) FROM taskline_events WHERE interaction_id = '{id}'
"""


def lines_seen(database: CrmDatabase, id_: str, organizations: list[str]) -> list[str]:
    """Count the lines that each organization sees of a row, as the old application's role."""
    return [
        database.psql(LINES_OF_A_DISPUTED_ROW.format(organization=each, id=id_), url=database.app_url)
        for each in organizations
    ]


def test_the_log_of_a_disputed_row_is_seen_by_nobody_until_somebody_decides(database: CrmDatabase) -> None:
    row = "SELECT interaction_id, seen_by, named FROM taskline_disputed_interactions ORDER BY 1 LIMIT 1"
    id_, *organizations = database.psql(row).split("|")
    database.psql(f"UPDATE lead_interactions SET subject = 'Changed' WHERE id = '{id_}'")
    before = lines_seen(database, id_, organizations)

    database.psql(f"DELETE FROM taskline_disputed_interactions WHERE interaction_id = '{id_}'")
    seen_by, named = lines_seen(database, id_, organizations)

    assert ["0", "0"] == before
    assert "0" == seen_by
    assert int(named) > 0


def test_042_shows_the_log_again_when_all_disputes_are_decided(database: CrmDatabase) -> None:
    policies = "SELECT string_agg(polname, ',') FROM pg_policy WHERE polrelid = 'taskline_events'::regclass"
    before = set(database.psql(policies).split(","))
    database.psql(
        "UPDATE lead_interactions t SET organization_id = seen_by FROM taskline_disputed_interactions d"
        " WHERE d.interaction_id = t.id"
    )

    outcome = by_psql(database, TENANT)

    assert {"taskline_events_tenant", "taskline_events_disputed"} == before
    assert outcome.is_success
    assert "taskline_events_tenant" == database.psql(policies)
    assert "t" == database.psql("SELECT to_regclass('taskline_disputed_interactions') IS NULL")
    assert {} == missing(database, database.app_url)
