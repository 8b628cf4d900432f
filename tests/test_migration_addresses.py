"""What is wrong in an address is said of the address, and a place is named as a person would."""

import asyncio

import pytest

from errors import MigrationTargetUnknown
from migrations.runner.connections import connect, place
from tests.databases import CrmDatabase


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("options=-c%20foo=bar", 'unrecognized configuration parameter "foo"'),
        ("work_mem=much", 'invalid value for parameter "work_mem": "much"'),
        ("options=-q", "invalid command-line argument for server process: -q"),
    ],
)
def test_a_setting_in_the_address_that_the_server_does_not_take_is_named(
    legacy_database: CrmDatabase, query: str, said: str
) -> None:
    with pytest.raises(MigrationTargetUnknown) as refused:
        asyncio.run(connect(f"{legacy_database.owner_url}&{query}"))

    assert f"doesn't take a setting: {said}" in str(refused.value)
    assert "Correct it in the address, or take it out." in str(refused.value)


@pytest.mark.parametrize(
    ("path", "shown"), [("we%20ird%27%22db", "we ird'\"db"), ("a%0Ab", "a%0Ab"), ("crm", "crm"), ("", "(default)")]
)
def test_a_database_is_shown_by_its_name(path: str, shown: str) -> None:
    assert f"h:5433, database {shown}" == place(f"postgresql://me:secret@h:5433/{path}")
