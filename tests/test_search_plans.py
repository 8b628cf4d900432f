"""How PostgreSQL searches 60,000 records for a few letters, as the API's role: each record once, and nothing else."""

import pytest

from db.records import RecordKind, search
from tests.databases import CrmDatabase
from tests.large_crms import ORGANIZATION
from tests.plans import MODES, Explaining, Plan, explained

pytestmark = [pytest.mark.slow, pytest.mark.long]

TABLES = ("leads", "contacts", "accounts")
RECORDS = 20_300
"""How many of each the organization has."""
FEW = 200
"""More than the others have together: a table may be read from end to end."""
MOST_BLOCKS = 1_500
"""A little more than the three tables have."""


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    ("words", "expected"), [("20299", 3), ("cora 20299", 1), ("nobody", 0), ("cora", RECORDS)], ids=str
)
def test_a_search_reads_each_record_once_and_sorts_those_it_finds(
    large_crm: CrmDatabase, mode: str, words: str, expected: int
) -> None:
    offered = 9

    async def use(session: Explaining) -> tuple[int, list[Plan]]:
        return len(await search(session, words.split(), list(RecordKind), offered)), session.plans

    found, (plan,) = explained(large_crm, ORGANIZATION, mode, use)

    assert (min(offered, expected), expected) == (found, plan.most_sorted)
    assert all(plan.rows_read(table) <= RECORDS + FEW for table in TABLES)
    assert 0 == plan.rows_read("lead_interactions")
    assert plan.blocks <= MOST_BLOCKS
