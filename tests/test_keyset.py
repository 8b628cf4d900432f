"""Keyset paging by property: whatever is stored, each row comes once and in order, both ways, also while rows move."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.apis import Api
from tests.owners import Owner
from tests.paged_lists import (
    ARGUMENTS,
    SELECTION,
    VARIABLES,
    PagedList,
    check_both_ways,
    check_while_rows_move,
    instants,
    new_list,
    quickly,
    sizes,
)

LISTS = {
    "tasks": ("tasks(filter: {contactId: {eq: $record}}", "scheduled_at ASC NULLS LAST, id ASC"),
    "timeline": (
        "timeline(record: {contactId: $record}",
        "coalesce(completed_at, scheduled_at, created_at, '-infinity') DESC, id DESC",
    ),
}
rows = st.fixed_dictionaries({"scheduled_at": instants, "completed_at": instants, "created_at": instants})


def listed(api: Api, owner: Owner, field: str) -> PagedList:
    call, order = LISTS[field]
    return new_list(api, owner, f"query ({VARIABLES}) {{ list: {call}, {ARGUMENTS}) {SELECTION} }}", order)


@pytest.mark.slow
@pytest.mark.parametrize("field", LISTS)
@given(data=st.data())
@quickly(20)
def test_each_row_comes_once_and_in_order_both_ways(api: Api, owner: Owner, field: str, data: st.DataObject) -> None:
    stored = listed(api, owner, field)
    stored.add(data.draw(st.lists(rows, max_size=16)))

    check_both_ways(stored, data.draw(sizes))


@pytest.mark.slow
@pytest.mark.parametrize("field", LISTS)
@pytest.mark.parametrize("backwards", [False, True], ids=["forwards", "backwards"])
@given(data=st.data())
@quickly(20)
def test_rows_that_come_and_go_hide_and_repeat_nothing(
    api: Api, owner: Owner, field: str, backwards: bool, data: st.DataObject
) -> None:
    stored = listed(api, owner, field)
    stored.add(data.draw(st.lists(rows, min_size=6, max_size=14)))

    check_while_rows_move(stored, rows, data, backwards=backwards)
