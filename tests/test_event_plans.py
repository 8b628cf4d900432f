"""How PostgreSQL reads the stream of events at scale, as the API's role: what is new, and nothing else."""

from collections.abc import Iterator
from uuid import UUID

import pytest

from db.event_places import Horizon, Place, current_place
from db.live_events import View, read
from tests.databases import CrmDatabase, copy
from tests.plans import MODES, Explaining, Plan, explain_all, explained

ORGANIZATION, OTHER = UUID(int=1), UUID(int=2)
EVENTS = 200_000

# As if two transactions had written them, which are over: the last 225 lines are by the later one, 150 of them ours.
FILL = f"""
INSERT INTO organizations (id, name, slug)
SELECT id, id::text, id::text FROM (VALUES ('{ORGANIZATION}'::uuid), ('{OTHER}')) v (id);
INSERT INTO taskline_events (xid, organization_id, interaction_id, type, at, before, after)
SELECT CASE WHEN n <= {EVENTS} - 225 THEN xid8 '3' ELSE xid8 '4' END,
       CASE WHEN n % 3 = 0 THEN '{OTHER}'::uuid ELSE '{ORGANIZATION}' END, gen_random_uuid(), 'updated', now(),
       jsonb_build_object('organization_id', '{ORGANIZATION}', 'interaction_type', 'task', 'subject', 'a'),
       jsonb_build_object('organization_id', '{ORGANIZATION}', 'interaction_type', 'task', 'subject', 'b')
  FROM generate_series(1, {EVENTS}) n;
"""


@pytest.fixture(scope="module")
def filled(migrated_template: CrmDatabase) -> Iterator[CrmDatabase]:
    with copy(migrated_template) as database:
        database.psql(FILL)
        database.psql("VACUUM ANALYZE")
        explain_all(database)
        yield database


@pytest.mark.slow
@pytest.mark.parametrize("mode", MODES)
def test_reading_on_costs_what_is_new_however_long_the_log_is(filled: CrmDatabase, mode: str) -> None:
    (nothing, some, whole), now = explained(filled, ORGANIZATION, mode, read_on)
    # Other tests' transactions on the same server: what each of them may have written is looked for, too.
    open_ones = now.batch.end - int(now.batch.snapshot.split(":")[0])

    for plan in (nothing, some, whole):
        assert "taskline_events" not in plan.scanned
        assert plan.most_sorted <= 225
    assert nothing.blocks < 30 + 4 * open_ones  # a step in an index for each thing that could be new, or be gone
    assert some.blocks < 600  # a hundred events, each fetched by its key
    assert whole.blocks < 600  # although one transaction wrote nearly all of the log


async def read_on(session: Explaining) -> tuple[list[Plan], Place]:
    now = await current_place(session)
    assert [] == (await read(session, now, View())).events
    before = Place(now.stream, Horizon("4:4:", now.batch.top - 225, 4), now.batch, 0)
    assert 100 == len((await read(session, before, View())).events)
    start = Place(now.stream, Horizon("3:3:", now.batch.top - EVENTS, 3), now.batch, 0)
    assert 100 == len((await read(session, start, View())).events)
    return session.plans[1:], now
