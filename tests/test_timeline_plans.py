"""How PostgreSQL reads timelines at a million rows, as the API's role: by index, a page at a time, anywhere alike."""

from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

import pytest

from db.filters import IdTest, InstantTest
from db.keyset import Page, Window
from db.linked_rows import Path
from db.records import RecordKind
from db.timeline_counts import CountRow, Sorting, counts, ends
from db.timeline_filters import Timeline, TimelineFilter
from db.timelines import pages
from tests.databases import CrmDatabase
from tests.large_crms import (
    ACCOUNT,
    CONTACT,
    HOT,
    LEAD,
    MIDDLING,
    NORMAL,
    ORGANIZATION,
    OTHER,
    RELATED,
    SETTLED,
    record,
)
from tests.plans import MODES, Explaining, Plan, explained

pytestmark = [pytest.mark.slow, pytest.mark.long]

KINDS = {RecordKind.CONTACT: CONTACT, RecordKind.ACCOUNT: ACCOUNT, RecordKind.LEAD: LEAD}
PAGE = 50
DEEP = datetime(2023, 10, 1, tzinfo=UTC), UUID(int=0)
"""A place with 50,000 entries of a hot record before it, and as many after it."""
WINDOWS = (
    Window(PAGE),
    Window(PAGE, after=DEEP),
    Window(PAGE, is_from_end=True),
    Window(PAGE, before=DEEP, is_from_end=True),
)
FILTERS = {
    "all": TimelineFilter(),
    "tasks": TimelineFilter(kinds=("task",)),
    "open tasks": TimelineFilter(is_open=True),
    "dated open tasks": TimelineFilter(is_open=True, due_at=InstantTest(is_null=False)),
    "all but open tasks": TimelineFilter(is_open=False),
    "overdue tasks": TimelineFilter(is_overdue=True),
    "urgent tasks": TimelineFilter(priority=("high",)),
    "somebody's": TimelineFilter(assignee_id=IdTest(eq=UUID(int=3))),
    "three years": TimelineFilter(
        occurs_at=InstantTest(gte=datetime(2022, 4, 1, tzinfo=UTC), lt=datetime(2025, 4, 1, tzinfo=UTC))
    ),
}
OPEN = {
    "open tasks": TimelineFilter(is_open=True),
    "overdue tasks": TimelineFilter(is_overdue=True),
    "pending and scheduled tasks": TimelineFilter(status=("scheduled", "pending")),
    "somebody's open tasks": TimelineFilter(is_open=True, assignee_id=IdTest(eq=UUID(int=5))),
}
OPEN_KINDS = [RecordKind.CONTACT, RecordKind.ACCOUNT]
"""Those whose open tasks have an index: a lead's would slow the old application down."""
COUNTED = {name: OPEN[name] for name in ("open tasks", "overdue tasks")}
NOTHING = {
    "open": TimelineFilter(is_open=True, priority=("unknown",)),
    "overdue": TimelineFilter(is_overdue=True, priority=("unknown",)),
}
TABLE = "lead_interactions"
MOST_OPEN, MOST_AHEAD = 29_000, 10_000
"""How many open tasks a hot record has, and how many of its entries are ahead; it has three related ones' as well."""
# The list of disputed rows is read whole for each policy; it is short, and mostly empty.
READ_WHOLE = {"taskline_disputed_interactions"}

PATHS: tuple[Path, ...] = (
    ("account",),
    ("account", "contact"),
    ("assignee",),
    ("contact",),
    ("created_by",),
    ("lead",),
    ("lead", "contact"),
)


@dataclass(frozen=True, slots=True)
class Read:
    """A page, and how it was read."""

    page: Page
    plan: Plan


def read(
    crm: CrmDatabase,
    mode: str,
    timeline: Timeline,
    number: int,
    organization_id: UUID = ORGANIZATION,
    paths: tuple[Path, ...] = (),
) -> list[Read]:
    async def use(session: Explaining) -> list[Read]:
        id_ = record(KINDS[timeline.kind], number)
        found = [(await pages(session, timeline, window, [id_], paths=paths))[0].page for window in WINDOWS]
        return [Read(page, plan) for page, plan in zip(found, session.plans, strict=True)]

    return explained(crm, organization_id, mode, use)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("is_related_included", [False, True], ids=["own", "related"])
@pytest.mark.parametrize("filter_", FILTERS.values(), ids=FILTERS)
def test_a_page_is_read_by_index_however_long_the_timeline_and_however_deep_the_page(
    large_crm: CrmDatabase, mode: str, kind: RecordKind, is_related_included: bool, filter_: TimelineFilter
) -> None:
    timeline = Timeline(kind, is_related_included, filter_)

    hot, middling, normal = (read(large_crm, mode, timeline, number) for number in (HOT, MIDDLING, NORMAL))

    assert [(PAGE, True)] * 4 == [(len(each.page.records), each.page.has_more) for each in hot]
    assert {False} == {each.page.has_more for each in normal}
    heads = RELATED if is_related_included and kind is RecordKind.CONTACT else is_related_included
    for each in (*hot, *middling, *normal):
        assert each.plan.scanned <= READ_WHOLE
        assert each.plan.most_sorted <= (heads + 3 * (PAGE + 1) if is_related_included else PAGE + 1)
    top, *others = (each.plan.blocks for each in hot)
    assert all(blocks < 1.5 * top for blocks in others), (top, others)
    # A related record's head is a few blocks away, and each row that a filter passes over is one more.
    is_sparse = filter_ in (FILTERS["somebody's"], FILTERS["urgent tasks"])
    # What is overdue comes after all that is ahead.
    ahead = 2 * MOST_AHEAD * (4 if is_related_included else 1) if filter_.is_overdue else 0
    most = 1.6 * middling[0].plan.blocks + heads * (20 * 8 if is_sparse else 8) + ahead
    assert top < most, (top, middling[0].plan.blocks)
    assert all(each.plan.blocks < 700 for each in normal)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("is_related_included", [False, True], ids=["own", "related"])
def test_what_the_entries_of_a_page_link_to_is_read_for_them_alone(
    large_crm: CrmDatabase, mode: str, kind: RecordKind, is_related_included: bool
) -> None:
    timeline = Timeline(kind, is_related_included)

    for number in (HOT, MIDDLING, NORMAL):
        plain = read(large_crm, mode, timeline, number)
        linked = read(large_crm, mode, timeline, number, paths=PATHS)

        for own, each in zip(plain, linked, strict=True):
            assert [record["id"] for record in own.page.records] == [record["id"] for record in each.page.records]
            assert each.plan.scanned <= READ_WHOLE | {"users"}  # of whom there are few
            assert own.plan.rows_read(TABLE) == each.plan.rows_read(TABLE)
            for table in ("leads", "contacts", "accounts"):
                most = (PAGE + 1) * sum(path[-1] == table.removesuffix("s") for path in PATHS)
                assert each.plan.rows_read(table) <= own.plan.rows_read(table) + most, each.plan.tree


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("kind", OPEN_KINDS)
@pytest.mark.parametrize("is_related_included", [False, True], ids=["own", "related"])
@pytest.mark.parametrize("filter_", OPEN.values(), ids=OPEN)
def test_the_few_open_tasks_of_a_long_history_are_found_without_reading_it(
    large_crm: CrmDatabase, mode: str, kind: RecordKind, is_related_included: bool, filter_: TimelineFilter
) -> None:
    timeline = Timeline(kind, is_related_included, filter_)

    found = read(large_crm, mode, timeline, SETTLED, OTHER)

    assert 0 < len(found[0].page.records) < PAGE
    for each in found:
        assert each.plan.scanned <= READ_WHOLE
        assert each.plan.rows_read(TABLE) <= 200, each.plan.tree
        assert each.plan.blocks <= 500, each.plan.tree


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("filter_", OPEN.values(), ids=OPEN)
def test_the_few_open_tasks_of_a_lead_cost_its_own_history_at_most(
    large_crm: CrmDatabase, mode: str, filter_: TimelineFilter
) -> None:
    found = read(large_crm, mode, Timeline(RecordKind.LEAD, filter=filter_), SETTLED, OTHER)

    assert 0 < len(found[0].page.records) < PAGE
    for each in found:
        assert each.plan.scanned <= READ_WHOLE
        assert each.plan.rows_read(TABLE) <= 100_000 + 2 * PAGE, each.plan.tree


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("kind", OPEN_KINDS)
@pytest.mark.parametrize("is_related_included", [False, True], ids=["own", "related"])
@pytest.mark.parametrize("filter_", COUNTED.values(), ids=COUNTED)
def test_the_few_open_tasks_of_a_long_history_are_counted_without_reading_it(
    large_crm: CrmDatabase, mode: str, kind: RecordKind, is_related_included: bool, filter_: TimelineFilter
) -> None:
    timeline = Timeline(kind, is_related_included, filter_)

    async def use(session: Explaining) -> tuple[list[CountRow], Plan]:
        found = await counts(session, timeline, Sorting.NOTHING, [record(KINDS[kind], SETTLED)])
        return found, session.plans[0]

    (row,), plan = explained(large_crm, OTHER, mode, use)

    assert 0 < row.count < PAGE
    assert plan.scanned <= READ_WHOLE
    assert plan.blocks <= 500, plan.tree


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("filter_", NOTHING.values(), ids=NOTHING)
def test_a_filter_that_nothing_meets_reads_the_records_own_open_tasks_once_and_no_others(
    large_crm: CrmDatabase, mode: str, filter_: TimelineFilter
) -> None:
    timeline = Timeline(RecordKind.ACCOUNT, filter=filter_)

    hot, normal = (read(large_crm, mode, timeline, number) for number in (HOT, NORMAL))

    assert {0} == {len(each.page.records) for each in (*hot, *normal)}
    for each in hot:
        assert TABLE not in each.plan.scanned
        assert each.plan.rows_read(TABLE) <= MOST_OPEN
    assert all(each.plan.rows_read(TABLE) <= 15 for each in normal)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("is_related_included", [False, True], ids=["own", "related"])
def test_the_ends_of_a_timeline_are_read_by_index(
    large_crm: CrmDatabase, mode: str, kind: RecordKind, is_related_included: bool
) -> None:
    timeline = Timeline(kind, is_related_included)

    async def use(session: Explaining) -> tuple[tuple[datetime, datetime] | None, Plan]:
        found = await ends(session, timeline, [record(KINDS[kind], HOT)])
        return found, session.plans[0]

    found, plan = explained(large_crm, ORGANIZATION, mode, use)

    assert found
    assert (2020, 2027) == (found[0].year, found[1].year)
    # Deleted entries at the very end are passed over.
    assert plan.rows_read(TABLE) <= 2 * 20 * (1 + RELATED)
