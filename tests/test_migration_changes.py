"""044: a deleted task keeps what it was, keys belong to one organization, and the way back loses no task."""

import subprocess
from collections.abc import Callable, Iterator

import pytest

from tests.databases import APP, CrmDatabase, copy
from tests.migration_runs import (
    CHANGES,
    CHANGES_BACK,
    ORDER_BACK,
    by_psql,
    open_transaction,
    psql_command,
    schema_dump,
    take_back,
    take_back_later,
)
from tests.test_migration_readiness import missing

pytestmark = pytest.mark.slow

COLUMNS = """SELECT string_agg(attname || ' ' || format_type(atttypid, atttypmod), ', ' ORDER BY attnum)
               FROM pg_attribute WHERE attrelid = 'lead_interactions'::regclass AND NOT attisdropped
                AND attname IN ('deleted_at', 'deleted_by', 'status_before_deletion')"""
VERSIONS = "SELECT md5(string_agg(id::text || xmin::text, ',' ORDER BY id)) FROM lead_interactions"
INDEXES = "SELECT count(*) FROM pg_index WHERE indrelid = 'lead_interactions'::regclass"
FENCES = "SELECT count(*) FROM pg_constraint WHERE conname = 'taskline_044_fence'"
SOME = "(SELECT id FROM lead_interactions WHERE interaction_type = 'task' AND status = 'pending' ORDER BY id LIMIT {})"
DELETE = f"""UPDATE lead_interactions SET deleted_at = now(), status_before_deletion = status, status = 'cancelled'
              WHERE id IN {SOME}"""
KEY = """INSERT INTO taskline_idempotency_keys (organization_id, user_id, operation, key, input_digest, answer)
         SELECT id, id, 'createTask', '{0}', 'x', '{{}}' FROM organizations ORDER BY slug LIMIT 1"""


@pytest.fixture
def ready(through_template: Callable[[int], CrmDatabase]) -> Iterator[CrmDatabase]:
    """A CRM after 043."""
    with copy(through_template(43)) as database:
        yield database


def fails(database: CrmDatabase, sql: str, *, url: str | None = None) -> str:
    """Run SQL that is to fail, and return the server's words."""
    done = subprocess.run(psql_command(database, "-c", sql, url=url), capture_output=True, text=True, check=False)
    assert done.returncode != 0
    return done.stderr


def test_it_writes_no_row_and_adds_no_index_to_interactions(ready: CrmDatabase) -> None:
    before = ready.psql(VERSIONS), ready.psql(INDEXES)

    outcome = by_psql(ready, CHANGES)

    assert outcome.is_success, outcome.report + outcome.errors
    assert before == (ready.psql(VERSIONS), ready.psql(INDEXES))
    assert "✅ rows: none inserted, updated or deleted, by the server's own count" in outcome.report
    assert "✅ tried: a task deleted and restored, and a key of its organization alone, as crm_app" in outcome.report
    assert (
        "deleted_at timestamp with time zone, deleted_by uuid, status_before_deletion character varying(50)"
        == ready.psql(COLUMNS)
    )


def test_a_status_of_another_type_is_kept_whole(ready: CrmDatabase) -> None:
    ready.psql("ALTER TABLE lead_interactions ALTER status TYPE text", url=ready.owner_url)

    outcome = by_psql(ready, CHANGES)

    assert outcome.is_success, outcome.report + outcome.errors
    assert ready.psql(COLUMNS).endswith("status_before_deletion text")
    assert [] == [name for name in missing(ready, ready.app_url) if name < "045"]


def test_the_column_comes_within_150_ms_or_not_at_all(ready: CrmDatabase) -> None:
    with open_transaction(ready, "SELECT count(*) FROM lead_interactions"):
        blocked = by_psql(ready, CHANGES, taskline__lock_budget="300ms")
    left = ready.psql(COLUMNS)

    outcome = by_psql(ready, CHANGES)

    assert "add the columns of deleted tasks: no lock within 00:00:00.3" in blocked.errors
    assert "" == left
    assert outcome.is_success


# Keys.


def test_a_key_is_seen_and_written_by_its_organization_alone(database: CrmDatabase) -> None:
    database.psql(KEY.format("one"))
    mine, other = database.psql("SELECT id FROM organizations ORDER BY slug LIMIT 2").splitlines()
    count = "SELECT count(*) FROM taskline_idempotency_keys"
    of_mine = f"SET app.current_organization_id = '{mine}'; "
    of_other = f"SET app.current_organization_id = '{other}'; "

    seen = [
        database.psql(f"{setting}{count}", url=database.app_url)
        for setting in (of_mine, of_other, "", "SET app.current_organization_id = ''; ")
    ]
    refused = fails(
        database,
        f"{of_other}INSERT INTO taskline_idempotency_keys VALUES ('{mine}', '{mine}', 'x', 'two', '', '{{}}')",
        url=database.app_url,
    )

    assert ["1", "0", "0", "0"] == seen
    assert "violates row-level security policy" in refused


def test_default_privileges_give_the_keys_to_nobody_else(ready: CrmDatabase) -> None:
    ready.psql("ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO PUBLIC", url=ready.owner_url)

    by_psql(ready, CHANGES, taskline__api_role=APP)

    assert "0|t|f" == ready.psql(
        f"""SELECT count(*) FILTER (WHERE a.grantee = 0), has_table_privilege('{APP}', c.oid, 'DELETE'),
                   has_table_privilege('{APP}', c.oid, 'TRUNCATE')
              FROM pg_class c, aclexplode(c.relacl) a WHERE c.relname = 'taskline_idempotency_keys' GROUP BY c.oid"""
    )


def test_a_superuser_leaves_the_keys_to_the_owner_of_the_tables(ready: CrmDatabase) -> None:
    outcome = by_psql(ready, CHANGES, url=ready.superuser_url, taskline__api_role=APP)

    assert outcome.is_success, outcome.errors
    assert "crm_owner" == ready.psql(
        "SELECT relowner::regrole FROM pg_class WHERE relname = 'taskline_idempotency_keys'"
    )
    assert 0 == by_psql(ready, CHANGES_BACK).code


# The way back.


@pytest.mark.parametrize("n", [1, 3])
def test_it_is_not_taken_back_while_a_task_is_deleted(database: CrmDatabase, n: int) -> None:
    take_back_later(database, CHANGES_BACK)
    database.psql(DELETE.format(n))
    (first, *_) = database.psql(
        "SELECT id FROM lead_interactions WHERE deleted_at IS NOT NULL ORDER BY id"
    ).splitlines()
    before = schema_dump(database)

    outcome = by_psql(database, CHANGES_BACK)

    assert 3 == outcome.code
    assert f"while tasks are deleted: {'1 task' if n == 1 else '3 tasks'}, for example {first}" in outcome.errors
    assert "Nothing was changed" in outcome.errors
    assert before == schema_dump(database)


@pytest.mark.parametrize(("place", "status"), [(0, "pending"), (1, "cancelled")])
def test_each_remedy_of_the_refusal_lets_it_be_taken_back(database: CrmDatabase, place: int, status: str) -> None:
    take_back_later(database, CHANGES_BACK)
    ids = database.psql("SELECT string_agg(quote_literal(id), ',') FROM " + SOME.format(3) + " s(id)")
    database.psql(DELETE.format(3))
    words = by_psql(database, CHANGES_BACK).errors
    remedies = ["UPDATE " + part.partition(";")[0] for part in words.split(": UPDATE ")[1:]]

    database.psql(remedies[place], url=database.owner_url)
    outcome = by_psql(database, CHANGES_BACK)

    assert 0 == outcome.code, outcome.errors
    assert f"{status}|3" == database.psql(
        f"SELECT status, count(*) FROM lead_interactions WHERE id IN ({ids}) GROUP BY status"
    )


def test_a_task_that_is_deleted_meanwhile_opens_the_fence_again(database: CrmDatabase) -> None:
    take_back_later(database, CHANGES_BACK)
    with open_transaction(database, DELETE.format(1)) as writer:
        command = psql_command(database, "-f", str(CHANGES_BACK))
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as back:
            assert back.stderr
            assert any("let no task be deleted any more: a table is in use" in line for line in back.stderr)
            assert writer.stdin
            writer.stdin.write("COMMIT;\n")
            writer.stdin.flush()
            errors = back.stderr.read()
            back.wait()

    assert 3 == back.returncode
    assert "while tasks are deleted: 1 task" in errors
    assert "0" == database.psql(FENCES)


def test_a_fence_that_was_left_is_seen_and_removed(database: CrmDatabase) -> None:
    database.psql(
        "ALTER TABLE lead_interactions ADD CONSTRAINT taskline_044_fence CHECK (deleted_at IS NULL) NOT VALID",
        url=database.owner_url,
    )

    found = missing(database, database.app_url)
    outcome = by_psql(database, CHANGES)

    assert ["044.fence"] == list(found)
    assert outcome.is_success
    assert "0" == database.psql(FENCES)


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ("CREATE VIEW alive AS SELECT id FROM lead_interactions WHERE deleted_at IS NULL", "view alive needs it"),
        ("CREATE INDEX mine ON lead_interactions (deleted_by)", "index mine needs it"),
        (
            (
                "CREATE FUNCTION look() RETURNS trigger LANGUAGE plpgsql "
                "AS 'BEGIN RAISE DEBUG ''%'', NEW.status_before_deletion; RETURN NULL; END'; "
                "CREATE TRIGGER look AFTER INSERT ON lead_interactions FOR EACH ROW EXECUTE FUNCTION look()"
            ),
            "found that trigger look reads a column of deleted tasks",
        ),
        ("CREATE VIEW keys AS SELECT key FROM taskline_idempotency_keys", "idempotency_keys: found that view keys"),
    ],
    ids=["view", "index", "trigger's function", "view of the keys"],
)
def test_what_others_built_on_it_is_named_before_anything_is_taken_back(
    database: CrmDatabase, sql: str, words: str
) -> None:
    take_back_later(database, CHANGES_BACK)
    database.psql(sql, url=database.owner_url)
    before = schema_dump(database)

    outcome = by_psql(database, CHANGES_BACK)

    assert 3 == outcome.code
    assert words in outcome.errors
    assert "Nothing was changed" in outcome.errors
    assert before == schema_dump(database)


def test_043_is_not_taken_back_before_044(ready: CrmDatabase) -> None:
    by_psql(ready, CHANGES)

    outcome = by_psql(ready, ORDER_BACK)

    assert 3 == outcome.code
    assert "found that 044 is in place. Next: run 044_changes_of_tasks.rollback.sql first" in outcome.errors


def test_keys_go_with_it(database: CrmDatabase) -> None:
    database.psql(KEY.format("one"))

    outcome = take_back(database, CHANGES_BACK)

    assert 0 == outcome.code, outcome.errors
    assert "" == database.psql("SELECT to_regclass('taskline_idempotency_keys')")
    assert "" == database.psql(COLUMNS)
