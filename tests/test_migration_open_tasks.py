"""047: open tasks of contacts and accounts have their own indexes, whatever is there and whatever becomes of them."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from db.task_filters import OPEN_STATUSES
from tests.databases import APP, CrmDatabase, copy
from tests.migration_drifts import REPAIRED as LINKS_REPAIRED
from tests.migration_runs import (
    CHANGES,
    KEYS_BACK,
    LINKS,
    OPEN,
    OPEN_BACK,
    ORDER,
    SUCCESS,
    TENANT,
    VARIANTS,
    by_psql,
    make_variant,
    open_transaction,
    schema_dump,
    take_back_later,
)
from tests.test_migration_drifts import REFUSED_VARIANTS
from tests.test_migration_readiness import missing

pytestmark = pytest.mark.slow

LI = "ALTER TABLE lead_interactions"
NAME = "taskline_open_tasks_of_contact"
INDEX = f"CREATE INDEX {NAME} ON lead_interactions (organization_id, contact_id, occurs_at DESC, id DESC)"
IS_OPEN = (
    "interaction_type = 'task' AND status IN ('pending', 'scheduled') AND deleted_at IS NULL AND contact_id IS NOT NULL"
)
OTHERS = {
    "without a condition": INDEX,
    "unique": f"{INDEX.replace('INDEX', 'UNIQUE INDEX')} WHERE {IS_OPEN}",
    "in another order": f"{INDEX.replace(' DESC', '')} WHERE {IS_OPEN}",
    "of deleted tasks, too": f"{INDEX} WHERE {IS_OPEN.replace('deleted_at IS NULL AND ', '')}",
    "of other words": f"{INDEX} WHERE {IS_OPEN.replace('pending', 'Pending')}",
}
TAKEN_OVER = {
    "an index that does the same": f"{INDEX} WHERE {IS_OPEN}",
    "an index with a fill factor": f"{INDEX} WITH (fillfactor = 70) WHERE {IS_OPEN}",
    "words of type text": f"{LI} ALTER status TYPE text, ALTER interaction_type TYPE text",
    "a status of a domain": f"CREATE DOMAIN word AS varchar(50); {LI} ALTER status TYPE word",
    "a status of a fixed length": f"{LI} ALTER status TYPE character(9)",
    "no row": "TRUNCATE lead_interactions CASCADE",
}
REFUSED = {
    **{f"an index {what}": (sql, f"public.{NAME}: found something else") for what, sql in OTHERS.items()},
    "a table of an index's name": (f"CREATE TABLE {NAME} (n int)", f"public.{NAME}: found something else"),
    "row security is forced": (f"{LI} FORCE ROW LEVEL SECURITY", "found row security forced on its owner"),
    "deletions are not known": (f"{LI} DROP deleted_at", "044_changes_of_tasks.sql first"),
    "a status of a type of its own": (
        f"CREATE TYPE state AS ENUM ('pending'); {LI} ADD old varchar; {LI} DROP status CASCADE; {LI} ADD status state",
        "lead_interactions.status: found type state, expected text or character varying or character",
    ),
}
VERSIONS = "SELECT md5(string_agg(id::text || xmin::text, ',' ORDER BY id)) FROM lead_interactions"


@pytest.fixture
def ready(through_template: Callable[[int], CrmDatabase]) -> Iterator[CrmDatabase]:
    """A CRM after 046."""
    with copy(through_template(46)) as database:
        yield database


def test_it_builds_its_indexes_and_writes_no_row(ready: CrmDatabase) -> None:
    before = ready.psql(VERSIONS)

    outcome = by_psql(ready, OPEN)

    assert outcome.is_success, outcome.report + outcome.errors
    assert before == ready.psql(VERSIONS)
    assert f"✅ {NAME}: CREATED" in outcome.report
    assert "✅ rows: none inserted, updated or deleted, by the server's own count" in outcome.report
    assert "✅ tried: task of a contact and an account inserted, read and completed as crm_app" in outcome.report
    assert {} == missing(ready, ready.app_url)


def test_its_words_are_those_that_the_api_calls_open() -> None:
    words = ", ".join(f"'{status}'" for status in OPEN_STATUSES)

    assert [words] * 2 == re.findall(r"status IN \((.+?)\)", OPEN.read_text())


@pytest.mark.parametrize("drift", [*(name for name in VARIANTS if name not in REFUSED_VARIANTS), *LINKS_REPAIRED])
def test_each_drift_of_a_crm_is_carried_through_and_back(legacy_database: CrmDatabase, drift: str) -> None:
    if drift in VARIANTS:
        make_variant(legacy_database, drift)
    else:
        legacy_database.psql(LINKS_REPAIRED[drift], url=legacy_database.owner_url)
    for file in (LINKS, TENANT, ORDER, CHANGES):
        by_psql(legacy_database, file, taskline__api_role=APP)
    before = schema_dump(legacy_database)

    forward, again = (by_psql(legacy_database, OPEN, taskline__api_role=APP) for _ in range(2))
    back = by_psql(legacy_database, OPEN_BACK)

    assert forward.is_success, forward.report + forward.errors
    assert again.is_success, again.report + again.errors
    assert 0 == back.code, back.errors
    assert before == schema_dump(legacy_database)


@pytest.mark.parametrize("drift", TAKEN_OVER)
def test_what_is_in_its_place_is_taken_over_and_stays(ready: CrmDatabase, drift: str) -> None:
    ready.psql(TAKEN_OVER[drift], url=ready.owner_url)
    before = schema_dump(ready)

    forward, again = (by_psql(ready, OPEN) for _ in range(2))
    unmet = [name for name in missing(ready, ready.app_url) if name.startswith("047")]
    back = by_psql(ready, OPEN_BACK)

    assert forward.is_success, forward.report + forward.errors
    assert again.is_success, again.report + again.errors
    assert [] == unmet
    assert 0 == back.code, back.errors
    assert before == schema_dump(ready)


@pytest.mark.parametrize("drift", REFUSED)
def test_what_it_must_not_repair_is_refused_by_name_with_nothing_changed(ready: CrmDatabase, drift: str) -> None:
    sql, words = REFUSED[drift]
    ready.psql(sql, url=ready.owner_url)
    before = schema_dump(ready)

    outcome = by_psql(ready, OPEN)

    assert 3 == outcome.code
    assert words in outcome.errors
    assert "Nothing was changed" in outcome.errors
    assert "Next: " in outcome.errors
    assert SUCCESS not in outcome.report
    assert before == schema_dump(ready)


@pytest.mark.parametrize("drift", ["gone", *OTHERS])
def test_what_somebody_changes_afterwards_is_seen_and_repaired(database: CrmDatabase, drift: str) -> None:
    before = schema_dump(database)
    database.psql(f"DROP INDEX {NAME}; {OTHERS.get(drift, '')}", url=database.owner_url)

    found = missing(database, database.app_url)
    outcome = by_psql(database, OPEN)

    assert [f"047.{NAME}"] == list(found)
    assert outcome.is_success, outcome.report + outcome.errors
    assert {} == missing(database, database.app_url)
    assert before == schema_dump(database)


def test_an_index_that_a_killed_build_left_invalid_is_built_anew(database: CrmDatabase) -> None:
    database.psql(f"UPDATE pg_index SET indisvalid = false WHERE indexrelid = '{NAME}'::regclass")

    found = missing(database)
    outcome = by_psql(database, OPEN)

    assert "(INVALID)" in found[f"047.{NAME}"]
    assert outcome.is_success, outcome.report + outcome.errors
    assert {} == missing(database, database.app_url)


@pytest.mark.parametrize("file", [OPEN, OPEN_BACK], ids=["forward", "back"])
def test_what_took_the_name_of_an_index_afterwards_is_left_alone(database: CrmDatabase, file: Path) -> None:
    taken = f"DROP INDEX {NAME}; CREATE INDEX {NAME} ON contacts (organization_id)"
    database.psql(taken, url=database.owner_url)
    before = schema_dump(database)

    outcome = by_psql(database, file)

    assert 3 == outcome.code
    assert f"public.{NAME}: found something else under the name" in outcome.errors
    assert "Nothing was changed" in outcome.errors
    assert before == schema_dump(database)


# Beside others.


def test_nobody_waits_for_it_behind_a_long_transaction(database: CrmDatabase) -> None:
    database.psql(f"UPDATE pg_index SET indisvalid = false WHERE indexrelid = '{NAME}'::regclass")
    with open_transaction(database, "UPDATE lead_interactions SET subject = 'x' WHERE false"):
        stopped = by_psql(database, OPEN, taskline__lock_budget="300ms")

    outcome = by_psql(database, OPEN)

    assert f"drop the index {NAME}, which isn't right: no lock within 00:00:00.3" in stopped.errors
    assert outcome.is_success, outcome.report + outcome.errors


def test_a_run_with_nothing_to_do_takes_no_exclusive_lock(database: CrmDatabase) -> None:
    with open_transaction(database, "LOCK TABLE lead_interactions IN ROW EXCLUSIVE MODE"):
        outcome = by_psql(database, OPEN, taskline__lock_budget="300ms")

    assert outcome.is_success, outcome.report + outcome.errors


# The way back.


def test_046_is_not_taken_back_before_047(database: CrmDatabase) -> None:
    take_back_later(database, OPEN_BACK)

    outcome = by_psql(database, KEYS_BACK)

    assert 3 == outcome.code
    assert "found that 047 is in place. Next: run 047_open_tasks.rollback.sql first" in outcome.errors


def test_taken_back_twice_there_is_nothing_to_do(database: CrmDatabase) -> None:
    first, again = (by_psql(database, OPEN_BACK) for _ in range(2))

    assert "✅ 047 is taken back" in first.report
    assert "there is nothing to take back: 047 is not in place" in again.report
