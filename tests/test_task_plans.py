"""How PostgreSQL reads a page of tasks as the API's role: by an index to its place, and no further than the page."""

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from db import tasks
from db.engine import PLANNER
from db.interactions import COLUMNS
from db.keyset import Window, reading
from db.statements import Statement, compiled
from db.task_filters import TaskFilter
from db.task_orders import TaskOrder, TaskSort, keys_of
from tests.databases import CrmDatabase, copy
from tests.organizations import Organization, new_organization
from tests.owners import owner_of

ROWS = 100_000
PAGE = 50
BEGINNING = datetime(2026, 1, 1, tzinfo=UTC)
# Two rows a minute, three of four a task; each tenth has no due date, and each tenth no time of creation.
FILL = f"""
ALTER TABLE lead_interactions DISABLE TRIGGER trigger_create_interaction_event;
INSERT INTO lead_interactions (organization_id, user_id, contact_id, interaction_type, status, scheduled_at, created_at)
SELECT '{{organization}}', '{{user}}', '{{contact}}', CASE WHEN n % 4 = 0 THEN 'call' ELSE 'task' END, 'pending',
       CASE WHEN n % 10 > 0 THEN '{BEGINNING}'::timestamptz + n / 2 * interval '1 minute' END,
       CASE WHEN n % 10 <> 5 THEN '{BEGINNING}'::timestamptz + n / 2 * interval '1 minute' END
  FROM generate_series(1, {ROWS}) n;
ALTER TABLE lead_interactions ENABLE TRIGGER trigger_create_interaction_event"""


@pytest.fixture(scope="module")
def large(migrated_template: CrmDatabase) -> Iterator[Organization]:
    """A database in which most of what there is belongs to one organization."""
    with copy(migrated_template) as database, owner_of(database) as owner:
        organization = new_organization(owner)
        owner.run(FILL.format(organization=organization.id, user=organization.user_id, contact=organization.contact()))
        owner.run("VACUUM ANALYZE lead_interactions")
        yield organization


def literal(value: object) -> str:
    return "NULL" if value is None else f"'{value}'"


def nodes_of(plan: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield plan
    for inner in plan.get("Plans", ()):
        yield from nodes_of(inner)


def explained(large: Organization, statement: Statement, mode: str) -> list[Mapping[str, Any]]:
    """Run a prepared statement as the API's role, planned for its arguments or for any; return the plan's nodes."""
    arguments = statement.arguments({"organization_id": large.id})
    given = f"({', '.join(literal(argument) for argument in arguments)})" if arguments else ""
    settings = PLANNER | {"plan_cache_mode": mode, "app.current_organization_id": f"'{large.id}'"}
    printed = large.owner.database.psql(
        "".join(f"SET {name} = {value};" for name, value in settings.items())
        + f"PREPARE page AS {statement.sql}; EXPLAIN (ANALYZE, FORMAT JSON) EXECUTE page {given}",
        url=large.owner.database.app_url,
    )
    (explanation,) = json.loads(printed)
    return list(nodes_of(explanation["Plan"]))


def scans_of(nodes: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return [node for node in nodes if node.get("Relation Name") == "lead_interactions"]


def rows_read(nodes: Sequence[Mapping[str, Any]]) -> float:
    """Count the rows that came out of the table, those that were then thrown away among them."""
    counted: float = sum(
        (scan["Actual Rows"] + scan.get("Rows Removed by Filter", 0)) * scan["Actual Loops"] for scan in scans_of(nodes)
    )
    return counted


# At the very beginning, deep in, near the end of those that have a value, and among those that have none.
PLACES: list[tuple[datetime | None, UUID] | None] = [
    None,
    *((BEGINNING + timedelta(minutes=minutes), UUID(int=1 << 127)) for minutes in (0, 25_000, 49_980)),
    (None, UUID(int=1 << 127)),
]


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.parametrize("by", [TaskSort.DUE_AT, TaskSort.CREATED_AT])
@pytest.mark.parametrize("mode", ["force_custom_plan", "force_generic_plan"])
def test_a_page_reads_no_more_than_itself_by_the_index_of_its_order(
    large: Organization, by: TaskSort, mode: str
) -> None:
    query = select(*COLUMNS).where(*tasks.matching(TaskFilter()))

    for is_descending, nulls_last, place, is_from_end in product((False, True), (False, True), PLACES, (False, True)):
        keys = keys_of([TaskOrder(by, is_descending, nulls_last)])
        sides = {"before": place} if is_from_end else {"after": place}
        statement = compiled(reading(query, keys, Window(PAGE, is_from_end=is_from_end, **sides)))

        nodes = explained(large, statement, mode)

        told = (is_descending, nulls_last, place, is_from_end, nodes)
        assert "Seq Scan" not in {scan["Node Type"] for scan in scans_of(nodes)}, told
        assert all(node["Actual Rows"] <= PAGE + 1 for node in nodes), told
        # Near the end an older index, on the due date alone, does as well: it has few rows left to pass over.
        assert rows_read(nodes) <= 10 * PAGE, told
