"""How PostgreSQL reads timelines at scale, as the API's role: by index, a page at a time, at the same cost anywhere."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from db.engine import Database
from db.filters import InstantTest
from db.keyset import Page, Window
from db.records import RecordKind
from db.timeline_filters import Timeline, TimelineFilter
from db.timelines import pages
from tests.databases import APP, CrmDatabase, copy
from tests.plans import Explaining, Plan

ORGANIZATION, OTHER = UUID(int=1), UUID(int=2)
HOT = UUID(int=3)
"""A contact with 200 accounts, 5 leads and 60,000 interactions on its timeline, 20,000 of them its own."""
NORMAL = UUID(int=4 + 100)
"""One of 10,000 contacts with an account, a lead, and five interactions."""

FILL = f"""
SET session_replication_role = replica;  -- of the old triggers none is needed; that of occurs_at works all the same
INSERT INTO organizations (id, name, slug)
SELECT id, id::text, id::text FROM (VALUES ('{ORGANIZATION}'::uuid), ('{OTHER}')) v (id);
INSERT INTO users (id, organization_id, email, password_hash, first_name, last_name)
SELECT '{ORGANIZATION}', '{ORGANIZATION}', 'una@example.test', '!', 'Una', 'User';
CREATE FUNCTION pg_temp.id (kind int, n int) RETURNS uuid LANGUAGE sql IMMUTABLE AS
$$ SELECT (lpad(to_hex(kind), 8, '0') || '-0000-0000-0000-' || lpad(to_hex(n), 12, '0'))::uuid $$;
INSERT INTO contacts (id, organization_id, first_name, last_name)
SELECT pg_temp.id(0, 3 + n), '{ORGANIZATION}', 'Cora', n::text FROM generate_series(0, 10000) n;
INSERT INTO accounts (id, organization_id, contact_id, account_name)
SELECT pg_temp.id(5, n), '{ORGANIZATION}', pg_temp.id(0, CASE WHEN n < 200 THEN 3 ELSE 3 + n - 199 END), n::text
  FROM generate_series(0, 10199) n;
INSERT INTO leads (id, organization_id, first_name, last_name, linked_contact_id)
SELECT pg_temp.id(6, n), '{ORGANIZATION}', 'Lea', n::text, pg_temp.id(0, CASE WHEN n < 5 THEN 3 ELSE 3 + n - 4 END)
  FROM generate_series(0, 10004) n;
INSERT INTO lead_interactions (organization_id, user_id, interaction_type, status, subject, created_at,
                               contact_id, account_id, lead_id)
SELECT CASE WHEN n % 3 = 0 THEN '{OTHER}'::uuid ELSE '{ORGANIZATION}' END, '{ORGANIZATION}',
       (ARRAY['task', 'call', 'note'])[1 + n / 9 % 3], 'pending', 'Subject ' || n,
       timestamptz '2020-01-01Z' + n * interval '1 hour',
       CASE WHEN n % 3 = 0 THEN NULL WHEN n < 90000 THEN CASE WHEN n % 9 < 3 THEN '{HOT}'::uuid END
            ELSE pg_temp.id(0, 4 + n / 7 % 10000) END,
       CASE WHEN n % 3 > 0 AND n < 90000 AND n % 9 IN (2, 4, 5) THEN pg_temp.id(5, n / 9 % 200)
            WHEN n % 3 = 1 AND n >= 90000 THEN pg_temp.id(5, 200 + n / 7 % 10000) END,
       CASE WHEN n % 3 > 0 AND n < 90000 AND n % 9 IN (7, 8) THEN pg_temp.id(6, n / 9 % 5) END
  FROM generate_series(1, 180000) n;
"""


@pytest.fixture(scope="module")
def filled(migrated_template: CrmDatabase) -> Iterator[CrmDatabase]:
    """A CRM with 180,000 interactions, 60,000 of them another organization's."""
    with copy(migrated_template) as database:
        database.psql(FILL)
        database.psql("VACUUM ANALYZE")
        yield database


@pytest.fixture(params=["force_custom_plan", "force_generic_plan"])
def large(filled: CrmDatabase, request: pytest.FixtureRequest) -> CrmDatabase:
    """The same; plans are made for the values of a statement, or for all values."""
    filled.psql(f"ALTER ROLE {APP} IN DATABASE {filled.name} SET plan_cache_mode = {request.param}")
    return filled


def read(large: CrmDatabase, timeline: Timeline, id_: UUID, *windows: Window) -> list[tuple[Page, Plan]]:
    async def run() -> list[tuple[Page, Plan]]:
        database = Database(
            large.app_url,
            pool_size=1,
            pool_wait_ms=5_000,
            statement_timeout_ms=60_000,
            lock_timeout_ms=1_000,
            request_timeout_ms=60_000,
        )
        await database.open()
        try:
            async with Explaining(database, ORGANIZATION) as session:
                found = [(await pages(session, timeline, window, [id_]))[0].page for window in windows]
                return list(zip(found, session.plans, strict=True))
        finally:
            await database.close()

    return asyncio.run(run())


# The list of disputed rows is read whole for each policy; it is short, and mostly empty. Leads have no index by
# linked_contact_id: those of a contact are found by reading the organization's.
READ_WHOLE = {"taskline_disputed_interactions", "leads"}
DEEP = datetime(2021, 6, 1, tzinfo=UTC), UUID(int=0)
"""A place in the middle of the hot contact's timeline."""
FILTERS = {
    "all": TimelineFilter(),
    "tasks": TimelineFilter(kinds=("task",)),
    "a time": TimelineFilter(
        occurs_at=InstantTest(gte=DEEP[0] - timedelta(days=150), lt=DEEP[0] + timedelta(days=150))
    ),
}
PAGE = 50
RELATED = 205


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.parametrize("filter_", FILTERS.values(), ids=FILTERS)
@pytest.mark.parametrize("is_related_included", [False, True], ids=["own", "related"])
def test_a_page_is_read_by_index_however_long_the_timeline_and_however_deep_the_page(
    large: CrmDatabase, is_related_included: bool, filter_: TimelineFilter
) -> None:
    timeline = Timeline(RecordKind.CONTACT, is_related_included, filter_)
    windows = (
        Window(PAGE),
        Window(PAGE, after=DEEP),
        Window(PAGE, is_from_end=True),
        Window(PAGE, before=DEEP, is_from_end=True),
    )

    hot = read(large, timeline, HOT, *windows)
    normal = read(large, timeline, NORMAL, *windows)

    assert [(PAGE, True)] * 4 == [(len(page.records), page.has_more) for page, _ in hot]
    assert {page.has_more for page, _ in normal} == {False}
    for _, plan in hot + normal:
        assert plan.scanned <= READ_WHOLE
        assert plan.most_sorted <= (RELATED + 3 * PAGE if is_related_included else PAGE + 1)
    top, *others = (plan.blocks for _, plan in hot)
    assert all(blocks < 1.5 * top for blocks in others)
    # A related record's head is three blocks away; so is each row of the page, and each row that a filter looks at.
    assert top < (10_000 if is_related_included and filter_.kinds else 1_500)
    assert all(plan.blocks < 600 for _, plan in normal)
