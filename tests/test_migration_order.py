"""043: an interaction keeps its place in time, whoever writes it, and the backfill changes nothing else."""

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.databases import APP, CrmDatabase, copy
from tests.linked_tasks import bring_back, every_row, set_aside
from tests.migration_runs import (
    ORDER,
    ORDER_BACK,
    TENANT_BACK,
    by_psql,
    by_runner,
    open_transaction,
    psql_command,
    take_back_later,
)
from tests.test_migration_readiness import missing

pytestmark = pytest.mark.slow

WRONG = """SELECT count(*) FROM lead_interactions
            WHERE occurs_at IS DISTINCT FROM coalesce(completed_at, scheduled_at, created_at, '-infinity')"""
KEPT = "SELECT count(*) FROM pg_trigger WHERE tgname = '~taskline_043_keep'"
REST = """SELECT md5(string_agg((to_jsonb(t) - 'occurs_at')::text, ',' ORDER BY id)) FROM lead_interactions t
           UNION ALL SELECT md5(string_agg(t::text, ',' ORDER BY id)) FROM leads t
           UNION ALL SELECT md5(string_agg(t::text, ',' ORDER BY id)) FROM interaction_events t
           UNION ALL SELECT md5(string_agg(t::text, ',' ORDER BY id)) FROM contacts t"""
VERSIONS = "SELECT md5(string_agg(id::text || xmin::text, ',' ORDER BY id)) FROM lead_interactions"


@pytest.fixture
def ready(through_template: Callable[[int], CrmDatabase]) -> Iterator[CrmDatabase]:
    """A CRM after 042."""
    with copy(through_template(42)) as database:
        yield database


def test_the_backfill_changes_nothing_but_the_place_in_time(ready: CrmDatabase) -> None:
    ready.psql(
        "ALTER TABLE lead_interactions DISABLE TRIGGER USER; "
        "UPDATE lead_interactions SET created_at = NULL, scheduled_at = NULL, completed_at = NULL "
        "WHERE id IN (SELECT id FROM lead_interactions LIMIT 3); "
        "ALTER TABLE lead_interactions ENABLE TRIGGER USER"
    )
    before = ready.psql(REST)

    outcome = by_psql(ready, ORDER)

    assert outcome.is_success, outcome.report + outcome.errors
    assert before == ready.psql(REST)
    assert "0" == ready.psql(WRONG)
    assert "0" == ready.psql(KEPT)
    assert "✅ occurs_at: 600 rows filled, and by the server's own count no other row written" in outcome.report
    assert "ℹ️ 3 rows without any date: before all others in their timelines" in outcome.report


def test_a_row_that_is_right_already_is_not_written(database: CrmDatabase) -> None:
    database.psql(
        "ALTER TABLE lead_interactions DISABLE TRIGGER ALL; UPDATE lead_interactions SET occurs_at = 'infinity' "
        "WHERE id = (SELECT min(id::text)::uuid FROM lead_interactions); "
        "ALTER TABLE lead_interactions ENABLE TRIGGER ALL, ENABLE ALWAYS TRIGGER taskline_occurs_at"
    )
    others = VERSIONS + " WHERE id <> (SELECT min(id::text)::uuid FROM lead_interactions)"
    before = database.psql(others)

    outcome = by_psql(database, ORDER)

    assert "✅ occurs_at: 1 row filled" in outcome.report
    assert before == database.psql(others)
    assert "0" == database.psql(WRONG)


def test_rows_that_are_written_meanwhile_come_out_right(ready: CrmDatabase) -> None:
    write = (
        "UPDATE lead_interactions SET scheduled_at = now() + random() * interval '9 days' "
        "WHERE id = (SELECT id FROM lead_interactions ORDER BY random() LIMIT 1);\n"
        "INSERT INTO lead_interactions (lead_id, user_id, organization_id, interaction_type) "
        "SELECT lead_id, user_id, organization_id, 'note' FROM lead_interactions "
        "WHERE organization_id IS NOT NULL LIMIT 1;\n"
    )
    with subprocess.Popen(psql_command(ready), stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as writer:
        assert writer.stdin
        writer.stdin.write(write * 300)
        writer.stdin.close()

        outcome = by_psql(ready, ORDER)

        assert writer.stderr
        assert "" == writer.stderr.read()
    assert outcome.is_success, outcome.report + outcome.errors
    assert "0" == ready.psql(WRONG)


def test_a_backfill_that_was_stopped_goes_on_and_leaves_no_trigger(ready: CrmDatabase, tmp_path: Path) -> None:
    # Whoever holds a row would keep the column from coming, so that comes first.
    columns = tmp_path / "columns.sql"
    columns.write_text(ORDER.read_text().partition("-- == Backfill ==")[0])
    by_psql(ready, columns)
    with open_transaction(ready, "SELECT FROM lead_interactions LIMIT 2 FOR UPDATE"):
        stopped = by_psql(ready, ORDER, taskline__lock_budget="300ms")
    left = ready.psql(KEPT), ready.psql("SELECT count(*) FROM lead_interactions WHERE occurs_at IS NULL")

    outcome = by_psql(ready, ORDER)

    assert "the last rows without occurs_at stay locked by others" in stopped.errors
    assert ("2", "2") == left
    assert outcome.is_success
    assert ("0", "0") == (ready.psql(KEPT), ready.psql(WRONG))


# Every writer.

LIE = "2000-01-01"
TASK = "organization_id, user_id, interaction_type"
OF = f"SELECT {TASK} FROM lead_interactions WHERE organization_id IS NOT NULL LIMIT 1"
NEW = f"INSERT INTO lead_interactions ({TASK}, subject, occurs_at, {{}}) SELECT o.*, 'new', '{LIE}', {{}} FROM ({OF}) o"
WRITERS = {
    "the old application, which names no occurs_at": (
        f"INSERT INTO lead_interactions ({TASK}, subject, scheduled_at) SELECT o.*, 'new', '2027-01-01' FROM ({OF}) o",
        "scheduled_at",
    ),
    "one who names another": (NEW.format("scheduled_at", "'2027-01-01'"), "scheduled_at"),
    "a completed row": (NEW.format("scheduled_at, completed_at", "'2027-01-01', '2027-01-02'"), "completed_at"),
    "a row with its creation alone": (NEW.format("created_at", "'2027-01-03'"), "created_at"),
    "a row without any date": (NEW.format("created_at", "NULL"), "'-infinity'"),
    "infinity": (NEW.format("scheduled_at", "'infinity'"), "scheduled_at"),
    "completing": (
        NEW.format("scheduled_at", "'2027-01-01'")
        + "; UPDATE lead_interactions SET completed_at = now() WHERE subject = 'new'",
        "completed_at",
    ),
    "reopening": (
        NEW.format("scheduled_at, completed_at", "'2027-01-01', now()")
        + "; UPDATE lead_interactions SET completed_at = NULL WHERE subject = 'new'",
        "scheduled_at",
    ),
    "clearing the column": (
        NEW.format("scheduled_at", "'2027-01-01'")
        + "; UPDATE lead_interactions SET occurs_at = NULL WHERE subject = 'new'",
        "scheduled_at",
    ),
    "the apply process of a subscription": (
        (
            f"SET session_replication_role = replica; {NEW.format('scheduled_at', repr('2027-01-01'))}; "
            "UPDATE lead_interactions SET completed_at = now() WHERE subject = 'new'"
        ),
        "completed_at",
    ),
    "an upsert": (
        NEW.format("id, scheduled_at", "'11111111-1111-1111-1111-111111111111', '2027-01-01'")
        + "; "
        + NEW.format("id", "'11111111-1111-1111-1111-111111111111'")
        + " ON CONFLICT (id) DO UPDATE SET scheduled_at = '2027-02-01', occurs_at = excluded.occurs_at",
        "scheduled_at",
    ),
}


@pytest.mark.parametrize("writer", WRITERS)
def test_the_place_in_time_is_right_whoever_writes(database: CrmDatabase, writer: str) -> None:
    sql, expected = WRITERS[writer]

    database.psql(sql)

    assert "t" == database.psql(f"SELECT occurs_at = {expected} FROM lead_interactions WHERE subject = 'new'")
    assert "0" == database.psql(WRONG)


@pytest.mark.parametrize("columns", ["", ", occurs_at"])
def test_copy_fills_the_place_in_time(database: CrmDatabase, columns: str) -> None:
    row = database.psql(f"SELECT organization_id, user_id FROM ({OF}) o").replace("|", "\t")
    lines = f"COPY lead_interactions (organization_id, user_id, interaction_type, scheduled_at{columns}) FROM STDIN;\n"
    lines += f"{row}\ttask\t2027-05-01 00:00Z" + (f"\t{LIE}" if columns else "") + "\n\\.\n"

    done = subprocess.run(psql_command(database), input=lines, capture_output=True, text=True, check=False)

    assert "" == done.stderr
    assert "t" == database.psql(
        "SELECT occurs_at = scheduled_at FROM lead_interactions WHERE scheduled_at = '2027-05-01 00:00Z'"
    )


def test_a_dump_brings_it_all_back(database: CrmDatabase, legacy_database: CrmDatabase) -> None:
    legacy_database.psql("DROP SCHEMA public CASCADE; CREATE SCHEMA public AUTHORIZATION crm_owner")
    dump = [str(database.server.bin_dir / "pg_dump"), "-d", database.superuser_url]
    copied = subprocess.run(dump, capture_output=True, text=True, check=True).stdout
    restore = psql_command(legacy_database, "-v", "ON_ERROR_STOP=1", url=legacy_database.superuser_url)

    done = subprocess.run(restore, input=copied, capture_output=True, text=True, check=False)

    assert "" == done.stderr
    assert {} == missing(legacy_database, legacy_database.app_url)
    assert ("600", "0") == (legacy_database.psql("SELECT count(*) FROM lead_interactions"), legacy_database.psql(WRONG))


def test_the_apis_role_can_do_nothing_with_the_function(database: CrmDatabase) -> None:
    database.psql(f"GRANT CREATE ON SCHEMA public TO {APP}")
    command = (
        "CREATE TABLE mine (id int); CREATE TRIGGER steal BEFORE INSERT ON mine FOR EACH ROW "
        "EXECUTE FUNCTION taskline_occurs_at()"
    )

    done = subprocess.run(
        psql_command(database, "-c", command, url=database.app_url), capture_output=True, text=True, check=False
    )

    assert "permission denied for function taskline_occurs_at" in done.stderr
    assert "crm_owner|f|{search_path=pg_catalog}" == database.psql(
        "SELECT proowner::regrole, prosecdef, proconfig FROM pg_proc WHERE proname = 'taskline_occurs_at'"
    )


def test_a_timeline_is_read_by_its_index_under_row_security(database: CrmDatabase) -> None:
    organization = database.psql("SELECT organization_id FROM lead_interactions WHERE lead_id IS NOT NULL LIMIT 1")
    settings = (
        f"SET app.current_organization_id = '{organization}'; SET enable_seqscan = off; SET enable_bitmapscan = off; "
    )
    for kind in ("lead", "contact", "account"):
        plan = database.psql(
            settings
            + f"EXPLAIN SELECT id FROM lead_interactions WHERE organization_id = '{organization}' "
            f"AND {kind}_id = gen_random_uuid_of() AND (occurs_at, id) < (now(), '{organization}') "
            "ORDER BY occurs_at DESC, id DESC LIMIT 50".replace("gen_random_uuid_of()", f"'{organization}'"),
            url=database.app_url,
        )

        assert f"using idx_lead_interactions_{kind}_timeline" in plan
        assert "Sort" not in plan
        assert "ROW(occurs_at, id) <" in plan.partition("Index Cond")[2]


def test_not_null_comes_without_a_scan_behind_an_exclusive_lock(ready: CrmDatabase, tmp_path: Path) -> None:
    talkative = tmp_path / ORDER.name
    text = ORDER.read_text()
    assert 1 == text.count("-- == Not null ==\n")
    talkative.write_text(text.replace("-- == Not null ==\n", "-- == Not null ==\nSET client_min_messages = debug1;\n"))

    outcome = by_psql(ready, talkative)

    assert outcome.is_success
    assert 'existing constraints on column "lead_interactions.occurs_at" are sufficient' in outcome.errors
    assert "f" == ready.psql("SELECT EXISTS (SELECT FROM pg_constraint WHERE conname = 'taskline_043_filled')")


def test_rows_that_a_rollback_of_041_set_aside_come_back_with_their_place(linked_database: CrmDatabase) -> None:
    before = every_row(linked_database)
    set_aside(linked_database)
    by_runner(linked_database, api_role=APP)

    report = bring_back(linked_database)

    assert "as they were" in report
    assert "can't come back" not in report
    assert before.count("\n") == every_row(linked_database).count("\n")
    assert "0" == linked_database.psql(WRONG)


def test_042_is_not_taken_back_before_043(database: CrmDatabase) -> None:
    take_back_later(database, ORDER_BACK)

    outcome = by_psql(database, TENANT_BACK)

    assert 3 == outcome.code
    assert "042 can't be taken back: 043 is in place" in outcome.errors
    assert "Run 043_timeline_order.rollback.sql first" in outcome.errors


@pytest.mark.parametrize(
    "needed_by",
    [
        ("CREATE VIEW latest AS SELECT id, occurs_at FROM lead_interactions", "view latest needs it"),
        (
            "CREATE POLICY recent ON lead_interactions AS RESTRICTIVE USING (occurs_at > '-infinity')",
            "policy recent on table lead_interactions needs it",
        ),
        (
            (
                "CREATE TABLE t AS SELECT occurs_at, completed_at, scheduled_at, created_at FROM lead_interactions; "
                "CREATE TRIGGER mine BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION taskline_occurs_at()"
            ),
            "trigger mine on t calls it, too",
        ),
        ("CREATE INDEX mine ON lead_interactions (occurs_at)", "index mine needs it"),
        (
            "ALTER TABLE lead_interactions ADD CONSTRAINT early CHECK (occurs_at < 'infinity')",
            "constraint early on table lead_interactions needs it",
        ),
        (
            "ALTER TABLE lead_interactions ADD happened_on timestamptz GENERATED ALWAYS AS (occurs_at) STORED",
            "happened_on of table lead_interactions needs it",
        ),
        (
            (
                "CREATE FUNCTION look() RETURNS trigger LANGUAGE plpgsql "
                "AS 'BEGIN RAISE DEBUG ''%'', NEW.occurs_at; RETURN NULL; END'; "
                "CREATE TRIGGER look AFTER INSERT ON lead_interactions FOR EACH ROW EXECUTE FUNCTION look()"
            ),
            "found that trigger look reads occurs_at",
        ),
        ("CREATE PUBLICATION times FOR TABLE lead_interactions (id, occurs_at)", "in publication times needs it"),
    ],
    ids=["view", "policy", "trigger", "index", "check", "generated column", "trigger's function", "publication"],
)
def test_what_others_built_on_it_is_named_before_anything_is_taken_back(
    database: CrmDatabase, needed_by: tuple[str, str]
) -> None:
    sql, words = needed_by
    database.psql(sql, url=database.owner_url)

    outcome = by_psql(database, ORDER_BACK)

    assert 3 == outcome.code
    assert words in outcome.errors
    assert "Nothing was changed" in outcome.errors
    assert "0" == database.psql(WRONG)
