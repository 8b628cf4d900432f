"""docs/migrations.md: its SQL runs, and finds what it says."""

import re

import pytest

from tests.databases import CrmDatabase
from tests.papers import ROOT, blocks, section

TEXT = (ROOT / "docs" / "migrations.md").read_text()

pytestmark = pytest.mark.slow


def test_looking_for_oneself_finds_columns_and_indexes(database: CrmDatabase) -> None:
    (queries,) = blocks(section(TEXT, "Look for yourself"), "sql")

    assert [
        "lead_id|uuid|YES",
        "contact_id|uuid|YES",
        "account_id|uuid|YES",
        "idx_lead_interactions_account_id",
        "idx_lead_interactions_contact_id",
    ] == database.psql(queries, url=database.owner_url).splitlines()


def test_disputed_rows_are_decided_as_it_says(database: CrmDatabase) -> None:
    listing, lead_is_right, row_is_right = blocks(section(TEXT, "Decide on disputed rows"), "sql")
    first, second = (row.split("|") for row in database.psql(listing, url=database.owner_url).splitlines()[:2])

    database.psql(re.sub("'0[0-]+0'", f"'{first[0]}'", lead_is_right), url=database.owner_url)
    database.psql(re.sub("'0[0-]+0'", f"'{second[0]}'", row_is_right), url=database.owner_url)

    named = "SELECT organization_id FROM lead_interactions WHERE id = '{}'"
    assert [first[1], second[2]] == [database.psql(named.format(row[0])) for row in (first, second)]
    assert second[0] not in database.psql(listing)
