"""What a database may have already where 043 puts something: repaired and given back, or refused by name."""

from collections.abc import Callable, Iterator

import pytest

from tests.databases import APP, CrmDatabase, copy
from tests.migration_drifts import REPAIRED as LINKS_REPAIRED
from tests.migration_runs import (
    LINKS,
    OPEN,
    ORDER,
    ORDER_BACK,
    SUCCESS,
    VARIANTS,
    by_psql,
    make_variant,
    schema_dump,
    take_back,
)
from tests.test_migration_drifts import REFUSED_VARIANTS
from tests.test_migration_order import KEPT, WRONG
from tests.test_migration_readiness import missing

pytestmark = pytest.mark.slow

LI = "ALTER TABLE lead_interactions"
TIMELINE = "idx_lead_interactions_lead_timeline"
DUE = "idx_lead_interactions_tasks_by_due"
FILL = """ALTER TABLE lead_interactions DISABLE TRIGGER USER;
          UPDATE lead_interactions SET occurs_at = coalesce(completed_at, scheduled_at, created_at, '-infinity');
          ALTER TABLE lead_interactions ENABLE TRIGGER USER"""
KEEPS = """CREATE FUNCTION keep_time() RETURNS trigger LANGUAGE plpgsql AS $$
           BEGIN
             NEW.occurs_at := coalesce(NEW.completed_at, NEW.scheduled_at, NEW.created_at, '-infinity');
             RETURN NEW;
           END $$;
           CREATE TRIGGER keep_time BEFORE INSERT OR UPDATE ON lead_interactions
              FOR EACH ROW EXECUTE FUNCTION keep_time()"""
COMPLETES = """CREATE FUNCTION complete() RETURNS trigger LANGUAGE plpgsql AS $$
               BEGIN
                 IF NEW.status = 'completed' AND NEW.completed_at IS NULL THEN
                   NEW.completed_at := now();
                 END IF;
                 RETURN NEW;
               END $$;
               CREATE TRIGGER {} BEFORE INSERT OR UPDATE ON lead_interactions
                  FOR EACH ROW EXECUTE FUNCTION complete()"""

REPAIRED = {
    "index of the name on another column": f"CREATE INDEX {TIMELINE} ON lead_interactions (user_id)",
    "index of the name on another table": f"CREATE INDEX {DUE} ON accounts (price)",
    "index without its condition": f"CREATE INDEX {DUE} ON lead_interactions (organization_id, scheduled_at, id)",
    "index for other interactions": (
        f"CREATE INDEX {DUE} ON lead_interactions (organization_id, scheduled_at, id) WHERE interaction_type = 'call'"
    ),
    "index that is descending": (
        f"CREATE INDEX {DUE} ON lead_interactions (organization_id, scheduled_at DESC, id) "
        "WHERE interaction_type = 'task'"
    ),
    "index with a further column": (
        f"CREATE INDEX {DUE} ON lead_interactions (organization_id, scheduled_at, id) INCLUDE (status) "
        "WHERE interaction_type = 'task'"
    ),
    "index that is unique": (
        f"CREATE UNIQUE INDEX {DUE} ON lead_interactions (organization_id, scheduled_at, id) "
        "WHERE interaction_type = 'task'"
    ),
    "the right index, stored otherwise": (
        f"CREATE INDEX {DUE} ON lead_interactions (organization_id, scheduled_at, id) WITH (fillfactor = 80) "
        "WHERE interaction_type = 'task'"
    ),
    "the column is there, and empty": f"{LI} ADD occurs_at timestamptz",
    "the column is there, and right": f"{LI} ADD occurs_at timestamptz DEFAULT now(); {FILL}",
    "the column is there, and another trigger keeps it": (
        f"{LI} ADD occurs_at timestamptz; {FILL}; {LI} ALTER occurs_at SET NOT NULL; {KEEPS}"
    ),
    "rows without any date": (
        f"{LI} DISABLE TRIGGER USER; "
        "UPDATE lead_interactions SET created_at = NULL, scheduled_at = NULL, completed_at = NULL; "
        f"{LI} ENABLE TRIGGER USER"
    ),
    "a trigger that completes, before ours": COMPLETES.format("a_completes"),
    "a trigger that completes, off": COMPLETES.format("z_completes") + f"; {LI} DISABLE TRIGGER z_completes",
    "no row": "TRUNCATE lead_interactions CASCADE",
}
REFUSED = {
    "the column is text": (f"{LI} ADD occurs_at text", "lead_interactions.occurs_at: found type text"),
    "the column is a date": (f"{LI} ADD occurs_at date", "lead_interactions.occurs_at: found type date"),
    "the column is less precise": (
        f"{LI} ADD occurs_at timestamptz(0)",
        "lead_interactions.occurs_at: found type timestamp(0) with time zone",
    ),
    "the column is generated": (
        f"{LI} ADD occurs_at timestamptz GENERATED ALWAYS AS (coalesce(completed_at, scheduled_at, created_at)) STORED",
        "lead_interactions.occurs_at: found a generated column, which no trigger can set",
    ),
    "the column means something else": (
        (
            f"{LI} ADD occurs_at timestamptz; {LI} DISABLE TRIGGER USER; "
            "UPDATE lead_interactions SET occurs_at = '2000-01-01' "
            f"WHERE id IN (SELECT id FROM lead_interactions LIMIT 7); {LI} ENABLE TRIGGER USER"
        ),
        "lead_interactions.occurs_at: found a column of another meaning: in 7 rows, for example ",
    ),
    "the function is another": (
        "CREATE FUNCTION taskline_occurs_at() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
        "public.taskline_occurs_at(): found another function under this name",
    ),
    "the trigger is another": (
        f"{KEEPS.replace('keep_time', 'taskline_at').replace('TRIGGER taskline_at', 'TRIGGER taskline_occurs_at')}",
        "lead_interactions: found another trigger under the name taskline_occurs_at",
    ),
    "a trigger that completes, after ours": (
        COMPLETES.format("z_completes"),
        "found that trigger z_completes sets completed_at after taskline_occurs_at has read it",
    ),
    "created_at without a zone": (
        f"{LI} ALTER created_at TYPE timestamp",
        "lead_interactions.created_at: found type timestamp without time zone, expected timestamptz",
    ),
    "no completed_at": (
        f"{LI} DROP completed_at CASCADE",
        "lead_interactions.completed_at: found no such column, expected type timestamptz",
    ),
    "a table of the index's name": (f"CREATE TABLE {DUE} (id int)", f"{DUE}: found something that is no index"),
    "row security is forced": (f"{LI} FORCE ROW LEVEL SECURITY", "found row security forced on its owner"),
}
# What somebody does after 043: (SQL, the check of readiness.sql that says so).
PLANTED = {
    "trigger off": (f"{LI} DISABLE TRIGGER taskline_occurs_at", "trigger"),
    "trigger not for subscriptions": (f"{LI} ENABLE TRIGGER taskline_occurs_at", "trigger"),
    "no trigger": ("DROP TRIGGER taskline_occurs_at ON lead_interactions", "trigger"),
    "trigger for new rows alone": (
        (
            "CREATE OR REPLACE TRIGGER taskline_occurs_at BEFORE INSERT ON lead_interactions FOR EACH ROW "
            "EXECUTE FUNCTION taskline_occurs_at()"
        ),
        "trigger",
    ),
    "trigger for some rows": (
        (
            "CREATE OR REPLACE TRIGGER taskline_occurs_at BEFORE INSERT OR UPDATE ON lead_interactions FOR EACH ROW "
            "WHEN (NEW.status = 'pending') EXECUTE FUNCTION taskline_occurs_at(); "
            f"{LI} ENABLE ALWAYS TRIGGER taskline_occurs_at"
        ),
        "trigger",
    ),
    "function does something else": (
        (
            "CREATE OR REPLACE FUNCTION taskline_occurs_at() RETURNS trigger LANGUAGE plpgsql "
            "SET search_path = pg_catalog "
            "AS 'BEGIN NEW.occurs_at := now(); RETURN NEW; END'"
        ),
        "trigger",
    ),
    "function with its owner's rights": ("ALTER FUNCTION taskline_occurs_at() SECURITY DEFINER", "trigger"),
    "function of any path": ("ALTER FUNCTION taskline_occurs_at() RESET search_path", "trigger"),
    "column may be null": (f"{LI} ALTER occurs_at DROP NOT NULL", "occurs_at"),
    "no column": (f"DROP TRIGGER taskline_occurs_at ON lead_interactions; {LI} DROP occurs_at", "occurs_at"),
    "no index": (f"DROP INDEX {TIMELINE}", TIMELINE),
    "index the other way round": (
        (
            f"DROP INDEX {TIMELINE}; CREATE INDEX {TIMELINE} "
            "ON lead_interactions (organization_id, lead_id, occurs_at, id) "
            "WHERE lead_id IS NOT NULL"
        ),
        TIMELINE,
    ),
    "index hashed": (
        f"DROP INDEX {TIMELINE}; CREATE INDEX {TIMELINE} ON lead_interactions USING hash (lead_id)",
        TIMELINE,
    ),
}


@pytest.fixture
def ready(through_template: Callable[[int], CrmDatabase]) -> Iterator[CrmDatabase]:
    """A CRM after 042."""
    with copy(through_template(42)) as database:
        yield database


@pytest.mark.parametrize("drift", [*(name for name in VARIANTS if name not in REFUSED_VARIANTS), *LINKS_REPAIRED])
def test_each_drift_of_a_crm_is_carried_through_and_back(legacy_database: CrmDatabase, drift: str) -> None:
    if drift in VARIANTS:
        make_variant(legacy_database, drift)
    else:
        legacy_database.psql(LINKS_REPAIRED[drift], url=legacy_database.owner_url)
    by_psql(legacy_database, LINKS)
    before = schema_dump(legacy_database)

    forward, again = (by_psql(legacy_database, ORDER) for _ in range(2))
    wrong = legacy_database.psql(WRONG)
    back = by_psql(legacy_database, ORDER_BACK)

    assert forward.is_success, forward.report + forward.errors
    assert again.is_success, again.report + again.errors
    assert "0" == wrong
    assert 0 == back.code, back.errors
    assert before == schema_dump(legacy_database)


@pytest.mark.parametrize("drift", REPAIRED)
def test_what_is_in_its_place_is_repaired_and_comes_back_as_it_was(ready: CrmDatabase, drift: str) -> None:
    ready.psql(REPAIRED[drift], url=ready.owner_url)
    before = schema_dump(ready)

    forward, again = (by_psql(ready, ORDER) for _ in range(2))
    wrong = ready.psql(WRONG)
    unmet = {name: detail for name, detail in missing(ready, ready.app_url).items() if name < "044"}
    back = by_psql(ready, ORDER_BACK)

    assert forward.is_success, forward.report + forward.errors
    assert again.is_success, again.report + again.errors
    assert "✅ occurs_at: 0 rows filled" in again.report
    assert ("0", {}) == (wrong, unmet)
    assert 0 == back.code, back.errors
    assert before == schema_dump(ready)


@pytest.mark.parametrize("drift", REFUSED)
def test_what_it_must_not_repair_is_refused_by_name_with_nothing_changed(ready: CrmDatabase, drift: str) -> None:
    sql, words = REFUSED[drift]
    ready.psql(sql, url=ready.owner_url)
    before = schema_dump(ready)

    outcome = by_psql(ready, ORDER)

    assert 3 == outcome.code
    assert words in outcome.errors
    assert "Nothing was changed" in outcome.errors
    assert "Next: " in outcome.errors
    assert SUCCESS not in outcome.report
    assert before == schema_dump(ready)


def test_a_function_of_somebody_else_is_refused(ready: CrmDatabase) -> None:
    ready.psql(f"GRANT CREATE ON SCHEMA public TO {APP}")
    ready.psql(
        "CREATE FUNCTION taskline_occurs_at() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
        url=ready.app_url,
    )

    outcome = by_psql(ready, ORDER)

    assert "taskline_occurs_at(): found a function of another owner under this name" in outcome.errors


@pytest.mark.parametrize("drift", PLANTED)
def test_what_somebody_changes_afterwards_is_seen_and_repaired(database: CrmDatabase, drift: str) -> None:
    sql, check = PLANTED[drift]
    database.psql(sql, url=database.owner_url)
    database.psql(
        "UPDATE lead_interactions SET completed_at = now() WHERE id IN (SELECT id FROM lead_interactions LIMIT 9)"
    )

    found = missing(database, database.app_url)
    outcome = by_psql(database, ORDER)
    later = by_psql(database, OPEN)  # whose indexes go with the column that they are on

    assert f"043.{check}" in found
    assert outcome.is_success, outcome.report + outcome.errors
    assert later.is_success, later.report + later.errors
    assert {} == missing(database, database.app_url)
    assert ("0", "0") == (database.psql(WRONG), database.psql(KEPT))
    # An index that somebody put in our place is kept under another name, and may need the column.
    database.psql(f"DROP INDEX IF EXISTS {TIMELINE}_before_043", url=database.owner_url)
    assert 0 == take_back(database, ORDER_BACK).code
    assert "" == database.psql(
        "SELECT string_agg(relname, ',') FROM pg_class WHERE relname ~ '_(timeline|tasks_by_\\w+)$'"
    )


def test_an_index_that_a_killed_build_left_invalid_is_built_anew(database: CrmDatabase) -> None:
    database.psql(f"UPDATE pg_index SET indisvalid = false WHERE indexrelid = '{TIMELINE}'::regclass")

    found = missing(database)
    outcome = by_psql(database, ORDER)

    assert "(INVALID)" in found[f"043.{TIMELINE}"]
    assert outcome.is_success
    assert {} == missing(database, database.app_url)


def test_what_its_trigger_can_not_keep_is_not_claimed(ready: CrmDatabase) -> None:
    # A function that no look at its text could read.
    ready.psql(
        """CREATE FUNCTION z() RETURNS trigger LANGUAGE plpgsql AS $$
           BEGIN
             SELECT now() + interval '1 hour' INTO NEW.scheduled_at;
             RETURN NEW;
           END $$;
           CREATE TRIGGER z BEFORE UPDATE ON lead_interactions FOR EACH ROW EXECUTE FUNCTION z()""",
        url=ready.owner_url,
    )

    outcome = by_psql(ready, ORDER)

    assert 3 == outcome.code
    assert "❌ tried: a place in time that follows what is written: wrong before SET" in outcome.report
    assert SUCCESS not in outcome.report
