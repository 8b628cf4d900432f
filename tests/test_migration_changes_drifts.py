"""What a database may have already where 044 puts something: taken over and left behind, or refused by name."""

from collections.abc import Callable, Iterator

import pytest

from tests.databases import APP, CrmDatabase, copy
from tests.migration_drifts import REPAIRED as LINKS_REPAIRED
from tests.migration_runs import (
    CHANGES,
    CHANGES_BACK,
    LINKS,
    SUCCESS,
    VARIANTS,
    by_psql,
    make_variant,
    schema_dump,
    take_back,
)
from tests.test_migration_drifts import REFUSED_VARIANTS
from tests.test_migration_readiness import missing

pytestmark = pytest.mark.slow

LI = "ALTER TABLE lead_interactions"
KEYS = "taskline_idempotency_keys"
AGE = f"{KEYS}_by_age"
ONE = "(SELECT id FROM lead_interactions LIMIT 1)"

TAKEN_OVER = {
    "all columns are there, and empty": (
        f"{LI} ADD deleted_at timestamptz, ADD deleted_by uuid, ADD status_before_deletion varchar(50)"
    ),
    "one column is there, and empty": f"{LI} ADD deleted_at timestamptz",
    "the status is kept as text": f"{LI} ADD status_before_deletion text",
    "no row": "TRUNCATE lead_interactions CASCADE",
    "the status is text": f"{LI} ALTER status TYPE text",
    "a trigger that plans": """
        CREATE FUNCTION plan_task() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
          IF NEW.status = 'pending' THEN
            NEW.status := 'scheduled';
          END IF;
          RETURN NEW;
        END $$;
        CREATE TRIGGER plan_task BEFORE INSERT ON lead_interactions FOR EACH ROW EXECUTE FUNCTION plan_task()""",
}
REFUSED = {
    "deleted_at is a date": (f"{LI} ADD deleted_at date", "lead_interactions.deleted_at: found type date"),
    "deleted_at says yes or no": (f"{LI} ADD deleted_at boolean", "lead_interactions.deleted_at: found type boolean"),
    "deleted_by is a name": (f"{LI} ADD deleted_by text", "lead_interactions.deleted_by: found type text"),
    "deleted_by has a key": (
        f"{LI} ADD deleted_by uuid REFERENCES users",
        "lead_interactions.deleted_by: found a column with a foreign key",
    ),
    "deleted_at has a default": (
        f"{LI} ADD deleted_at timestamptz; {LI} ALTER deleted_at SET DEFAULT now()",
        "lead_interactions.deleted_at: found a column with a default or generated value",
    ),
    "others fill deleted_at": (
        f"{LI} ADD deleted_at timestamptz; UPDATE lead_interactions SET deleted_at = now() WHERE id = {ONE}",
        "lead_interactions.deleted_at: found a column that others fill: 1 row with a value, for example ",
    ),
    "there is no status": (f"{LI} DROP status CASCADE", "lead_interactions.status: found no such column"),
    "a table of the name": (f"CREATE TABLE {KEYS} (key text)", f"public.{KEYS}: found something under this name"),
    "a view of the name": (f"CREATE VIEW {KEYS} AS SELECT 1", f"or DROP VIEW public.{KEYS};"),
    "a table of the index's name": (f"CREATE TABLE {AGE} (n int)", f"public.{AGE}: found something else"),
    "an index of the name, of another table": (
        f"CREATE INDEX {AGE} ON leads (company)",
        f"public.{AGE}: found something else under the name of an index of ours",
    ),
    "row security is forced": (f"{LI} FORCE ROW LEVEL SECURITY", "found row security forced on its owner"),
}
TENANT = "(SELECT nullif(current_setting('app.current_organization_id', true), '')::uuid)"
# What somebody does after 044: (SQL, the check of readiness.sql that says so).
PLANTED = {
    "no deleted_by": (f"{LI} DROP deleted_by", "deleted_by"),
    "row security is off": (f"ALTER TABLE {KEYS} DISABLE ROW LEVEL SECURITY", "row_security_of_keys"),
    "no policy": (f"DROP POLICY {KEYS}_tenant ON {KEYS}", "row_security_of_keys"),
    "a second policy": (f"CREATE POLICY open ON {KEYS} USING (true)", "row_security_of_keys"),
    "a policy that lets anything in": (
        f"ALTER POLICY {KEYS}_tenant ON {KEYS} WITH CHECK (true)",
        "row_security_of_keys",
    ),
    "a policy for reading alone": (
        (
            f"DROP POLICY {KEYS}_tenant ON {KEYS}; "
            f"CREATE POLICY {KEYS}_tenant ON {KEYS} FOR SELECT USING (organization_id = {TENANT})"
        ),
        "row_security_of_keys",
    ),
    "no right to delete": (f"REVOKE DELETE ON {KEYS} FROM {APP}", f"rights_on_{KEYS}"),
    "no index": (f"DROP INDEX {AGE}", AGE),
    "another index": (f"DROP INDEX {AGE}; CREATE INDEX {AGE} ON {KEYS} (created_at)", AGE),
    "a unique index": (f"DROP INDEX {AGE}; CREATE UNIQUE INDEX {AGE} ON {KEYS} (organization_id, created_at)", AGE),
}


@pytest.fixture
def ready(through_template: Callable[[int], CrmDatabase]) -> Iterator[CrmDatabase]:
    """A CRM after 043."""
    with copy(through_template(43)) as database:
        yield database


@pytest.mark.parametrize("drift", [*(name for name in VARIANTS if name not in REFUSED_VARIANTS), *LINKS_REPAIRED])
def test_each_drift_of_a_crm_is_carried_through_and_back(legacy_database: CrmDatabase, drift: str) -> None:
    if drift in VARIANTS:
        make_variant(legacy_database, drift)
    else:
        legacy_database.psql(LINKS_REPAIRED[drift], url=legacy_database.owner_url)
    by_psql(legacy_database, LINKS)
    before = schema_dump(legacy_database)

    forward, again = (by_psql(legacy_database, CHANGES) for _ in range(2))
    back = by_psql(legacy_database, CHANGES_BACK)

    assert forward.is_success, forward.report + forward.errors
    assert again.is_success, again.report + again.errors
    assert 0 == back.code, back.errors
    assert before == schema_dump(legacy_database)


@pytest.mark.parametrize("drift", TAKEN_OVER)
def test_what_is_in_its_place_is_taken_over_and_stays(ready: CrmDatabase, drift: str) -> None:
    ready.psql(TAKEN_OVER[drift], url=ready.owner_url)
    before = schema_dump(ready)

    forward, again = (by_psql(ready, CHANGES, taskline__api_role=APP) for _ in range(2))
    unmet = {name: detail for name, detail in missing(ready, ready.app_url).items() if name < "045"}
    back = by_psql(ready, CHANGES_BACK)

    assert forward.is_success, forward.report + forward.errors
    assert again.is_success, again.report + again.errors
    assert {} == unmet
    assert 0 == back.code, back.errors
    assert before == schema_dump(ready)


@pytest.mark.parametrize("drift", REFUSED)
def test_what_it_must_not_repair_is_refused_by_name_with_nothing_changed(ready: CrmDatabase, drift: str) -> None:
    sql, words = REFUSED[drift]
    ready.psql(sql, url=ready.owner_url)
    before = schema_dump(ready)

    outcome = by_psql(ready, CHANGES)

    assert 3 == outcome.code
    assert words in outcome.errors
    assert "Nothing was changed" in outcome.errors
    assert "Next: " in outcome.errors
    assert SUCCESS not in outcome.report
    assert before == schema_dump(ready)


def test_keys_that_the_apis_role_planted_are_refused(ready: CrmDatabase) -> None:
    shape = by_psql(ready, CHANGES)
    assert shape.is_success
    ready.psql(f"DROP TABLE {KEYS}; GRANT CREATE ON SCHEMA public TO {APP}", url=ready.superuser_url)
    ready.psql(
        f"CREATE TABLE {KEYS} (organization_id uuid NOT NULL, user_id uuid NOT NULL, operation text NOT NULL, "
        "key text NOT NULL, input_digest bytea NOT NULL, answer jsonb NOT NULL, "
        "created_at timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (organization_id, user_id, operation, key))",
        url=ready.app_url,
    )

    outcome = by_psql(ready, CHANGES)

    assert 3 == outcome.code
    assert f"public.{KEYS}: found something under this name that isn't ours" in outcome.errors


@pytest.mark.parametrize("drift", PLANTED)
def test_what_somebody_changes_afterwards_is_seen_and_repaired(database: CrmDatabase, drift: str) -> None:
    sql, check = PLANTED[drift]
    database.psql(sql, url=database.owner_url)

    found = missing(database, database.app_url)
    outcome = by_psql(database, CHANGES, taskline__api_role=APP)

    assert [f"044.{check}"] == list(found)
    assert outcome.is_success, outcome.report + outcome.errors
    assert {} == missing(database, database.app_url)
    assert 0 == take_back(database, CHANGES_BACK).code


def test_an_index_that_a_killed_build_left_invalid_is_built_anew(database: CrmDatabase) -> None:
    database.psql(f"UPDATE pg_index SET indisvalid = false WHERE indexrelid = '{AGE}'::regclass")

    found = missing(database)
    outcome = by_psql(database, CHANGES)

    assert "(INVALID)" in found[f"044.{AGE}"]
    assert outcome.is_success
    assert {} == missing(database, database.app_url)
