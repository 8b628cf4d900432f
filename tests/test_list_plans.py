"""How PostgreSQL reads lists of tasks at a million rows, as the API's role: right to the page, whosever they are."""

from dataclasses import replace
from datetime import UTC, datetime
from itertools import product
from typing import Any
from uuid import UUID

import pytest

from db.filters import IdTest, InstantTest
from db.keyset import Page, Window
from db.records import RecordKind
from db.task_filters import TaskFilter
from db.task_orders import TaskOrder, TaskSort
from db.tasks import page, pages_of_records
from tests.databases import CrmDatabase
from tests.large_crms import ACCOUNT, CONTACT, HOT, LEAD, MIDDLING, NORMAL, ORGANIZATION, record
from tests.plans import MODES, Explaining, Plan, explained

pytestmark = [pytest.mark.slow, pytest.mark.long]

PAGE = 50
KINDS = {RecordKind.CONTACT: CONTACT, RecordKind.ACCOUNT: ACCOUNT, RecordKind.LEAD: LEAD}
DEEP = datetime(2023, 10, 1, tzinfo=UTC), UUID(int=0)
"""A place with half of the organization's 350,000 tasks before it, and half after it."""
WINDOWS = (
    Window(PAGE),
    Window(PAGE, after=DEEP),
    Window(PAGE, is_from_end=True),
    Window(PAGE, before=DEEP, is_from_end=True),
)
FROM, TO = datetime(2020, 6, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)
FILTERS = {
    TaskSort.DUE_AT: TaskFilter(due_at=InstantTest(gt=FROM, lt=TO)),
    TaskSort.CREATED_AT: TaskFilter(created_at=InstantTest(gte=FROM, lte=TO)),
}
TABLE = "lead_interactions"


def read(crm: CrmDatabase, mode: str, tasks: TaskFilter, order: TaskOrder) -> list[tuple[Page, Plan]]:
    """Read a page at each of the places."""

    async def use(session: Explaining) -> list[tuple[Page, Plan]]:
        found = [await page(session, tasks, [order], window) for window in WINDOWS]
        return list(zip(found, session.plans, strict=True))

    return explained(crm, ORGANIZATION, mode, use)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("by", FILTERS)
@pytest.mark.parametrize("is_filtered", [False, True], ids=["all", "within years"])
def test_a_page_of_all_tasks_is_read_at_its_place(
    large_crm: CrmDatabase, mode: str, by: TaskSort, is_filtered: bool
) -> None:
    tasks = FILTERS[by] if is_filtered else TaskFilter()

    for is_descending, nulls_last in product((False, True), (False, True)):
        for found, plan in read(large_crm, mode, tasks, TaskOrder(by, is_descending, nulls_last)):
            assert (PAGE, True) == (len(found.records), found.has_more)
            assert TABLE not in plan.scanned
            assert plan.most_sorted <= PAGE + 1
            assert plan.rows_read(TABLE) <= 3 * PAGE
            assert plan.blocks <= 6 * PAGE


@pytest.mark.parametrize("by", FILTERS)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("is_nested", [False, True], ids=["filtered", "nested"])
def test_the_tasks_of_a_record_with_many_are_read_as_fast_as_of_one_with_few_whoever_was_asked_for_before(
    large_crm: CrmDatabase, by: TaskSort, kind: RecordKind, is_nested: bool
) -> None:
    async def first_page(session: Explaining, id_: UUID) -> int:
        order, window = [TaskOrder(by)], Window(PAGE)
        if is_nested:
            found = await pages_of_records(session, [id_], kind=kind, tasks=TaskFilter(), order=order, window=window)
            return sum(len(owned.page.records) for owned in found)
        link: dict[str, Any] = {kind.column: IdTest(eq=id_)}
        tasks = replace(TaskFilter(), **link)
        return len((await page(session, tasks, order, window)).records)

    async def use(session: Explaining) -> tuple[list[int], list[Plan]]:
        # After five runs PostgreSQL would make a plan for all records.
        numbers = [NORMAL + number for number in range(6)] + [HOT, MIDDLING, HOT]
        return [await first_page(session, record(KINDS[kind], number)) for number in numbers], session.plans

    counts, plans = explained(large_crm, ORGANIZATION, "auto", use)

    assert [PAGE] * 3 == counts[-3:]
    assert all(TABLE not in plan.scanned for plan in plans)
    *normal, hot, middling, again = (plan.rows_read(TABLE) for plan in plans)
    assert all(rows <= 20 for rows in normal)
    assert middling <= 500
    assert hot == again <= 1_000
