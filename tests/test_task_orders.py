"""orderBy of `tasks`: under every order each task comes once and in its place, both ways, also while tasks move."""

from collections.abc import Sequence
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.apis import Api
from tests.organizations import Organization
from tests.owners import Owner
from tests.paged_lists import (
    ARGUMENTS,
    SELECTION,
    VARIABLES,
    PagedList,
    check_between_places,
    check_both_ways,
    check_while_rows_move,
    instants,
    new_list,
    quickly,
    sizes,
)

QUERY = f"""query ({VARIABLES}, $orderBy: [TaskOrder!]) {{
  list: tasks(filter: {{contactId: {{eq: $record}}}}, orderBy: $orderBy, {ARGUMENTS}) {SELECTION} }}"""
# What SQL has for each sort key, said in another way than the product says it.
SQL = {
    "DUE_AT": "scheduled_at",
    "CREATED_AT": "created_at",
    "UPDATED_AT": "updated_at",
    "COMPLETED_AT": "completed_at",
    "PRIORITY": "array_position(ARRAY['low', 'medium', 'high'], priority::text)",
    "SUBJECT": "convert_to(nullif(subject, ''), 'UTF8')",
}
Order = dict[str, str]
ORDERS: list[Order] = [
    {"field": field, "direction": direction, "nulls": nulls}
    for field, direction, nulls in product(SQL, ("ASC", "DESC"), ("FIRST", "LAST"))
]

rows = st.fixed_dictionaries(
    {
        "scheduled_at": instants,
        "completed_at": instants,
        "created_at": instants,
        "updated_at": instants,
        "priority": st.sampled_from([None, "", "low", "medium", "high", "HIGH", "urgent"]),
        # In UTF-16 the last one would come before the one ahead of it.
        "subject": st.sampled_from(
            [None, "", " ", "Z", "a", "é", "e\u0301", 'a"\\', "\x7f", "x" * 255, "\uff5e", "😀" * 255]
        ),
    }
)


def listed(api: Api, owner: Owner, order: Sequence[Order]) -> PagedList:
    keys = [f"{SQL[key['field']]} {key['direction']} NULLS {key['nulls']}" for key in order]
    return new_list(api, owner, QUERY, ", ".join([*keys, f"id {order[-1]['direction']}"]), orderBy=order)


def name_of(order: Order) -> str:
    return " ".join(order.values())


@pytest.mark.slow
@pytest.mark.parametrize("order", ORDERS, ids=name_of)
@given(data=st.data())
@quickly(5)
def test_under_each_order_each_task_comes_once_and_in_its_place(
    api: Api, owner: Owner, order: Order, data: st.DataObject
) -> None:
    stored = listed(api, owner, [order])
    stored.add(data.draw(st.lists(rows, min_size=4, max_size=16)))

    check_both_ways(stored, data.draw(sizes))


@pytest.mark.slow
@pytest.mark.parametrize("order", ORDERS, ids=name_of)
@given(backwards=st.booleans(), data=st.data())
@quickly(6)
def test_under_each_order_tasks_that_come_and_go_hide_and_repeat_nothing(
    api: Api, owner: Owner, order: Order, backwards: bool, data: st.DataObject
) -> None:
    stored = listed(api, owner, [order])
    stored.add(data.draw(st.lists(rows, min_size=6, max_size=14)))

    check_while_rows_move(stored, rows, data, backwards=backwards)


orders = st.lists(st.sampled_from(ORDERS), min_size=2, max_size=4, unique_by=lambda order: order["field"])


@pytest.mark.slow
@given(order=orders, data=st.data())
@quickly(60)
def test_under_several_keys_each_task_comes_once_and_in_its_place(
    api: Api, owner: Owner, order: list[Order], data: st.DataObject
) -> None:
    stored = listed(api, owner, order)
    stored.add(data.draw(st.lists(rows, min_size=4, max_size=16)))

    check_both_ways(stored, data.draw(sizes))


@pytest.mark.slow
@given(order=orders, backwards=st.booleans(), data=st.data())
@quickly(60)
def test_under_several_keys_tasks_that_come_and_go_hide_and_repeat_nothing(
    api: Api, owner: Owner, order: list[Order], backwards: bool, data: st.DataObject
) -> None:
    stored = listed(api, owner, order)
    stored.add(data.draw(st.lists(rows, min_size=6, max_size=14)))

    check_while_rows_move(stored, rows, data, backwards=backwards)


@pytest.mark.slow
@given(order=st.lists(st.sampled_from(ORDERS), min_size=1, max_size=2), data=st.data())
@quickly(80)
def test_between_two_cursors_lies_what_lies_between_their_tasks(
    api: Api, owner: Owner, order: list[Order], data: st.DataObject
) -> None:
    stored = listed(api, owner, order)
    stored.add(data.draw(st.lists(rows, min_size=6, max_size=14)))

    check_between_places(stored, data)


SUBJECTS = "query ($orderBy: [TaskOrder!]) { tasks(orderBy: $orderBy) { nodes { subject } } }"


def subjects(api: Api, organization: Organization, order: Any) -> list[str]:
    return [node["subject"] for node in api.data(organization.viewer(), SUBJECTS, orderBy=order)["tasks"]["nodes"]]


def test_priorities_rise_from_low_to_high_and_unknown_ones_count_as_none(api: Api, organization: Organization) -> None:
    organization.tasks(
        [{"subject": str(word), "priority": word} for word in ("medium", "urgent", "high", None, "low", "High")]
    )

    rising = subjects(api, organization, {"field": "PRIORITY"})
    falling = subjects(api, organization, {"field": "PRIORITY", "direction": "DESC"})
    unknown_first = subjects(api, organization, {"field": "PRIORITY", "nulls": "FIRST"})

    assert ["low", "medium", "high"] == rising[:3] == falling[2::-1] == unknown_first[3:]
    assert {"urgent", "None", "High"} == set(rising[3:]) == set(falling[3:]) == set(unknown_first[:3])


def test_subjects_are_sorted_by_code_point_and_empty_ones_count_as_none(api: Api, organization: Organization) -> None:
    words = ["é", "Zebra", "apple", "", "Ähre", "äpfel", " a", "😀", "\uff5e", "10", "9"]
    organization.tasks([{"subject": word} for word in words])
    organization.tasks([{"subject": None}])

    found = subjects(api, organization, [{"field": "SUBJECT"}])

    assert [*sorted(word for word in words if word), "", ""] == found


def test_the_first_key_counts_most(api: Api, organization: Organization) -> None:
    dates = {"1": "2026-01-01Z", "2": "2026-01-02Z"}
    organization.tasks(
        [
            {"subject": f"{priority} {day}", "priority": priority, "scheduled_at": date}
            for (day, date), priority in product(dates.items(), ("low", "high"))
        ]
    )
    urgent = {"field": "PRIORITY", "direction": "DESC"}
    late = {"field": "DUE_AT", "direction": "DESC"}

    assert ["high 2", "high 1", "low 2", "low 1"] == subjects(api, organization, [urgent, late])
    assert ["high 2", "low 2", "high 1", "low 1"] == subjects(api, organization, [late, urgent])
    assert ["high 2", "low 2", "high 1", "low 1"] == subjects(api, organization, [late, urgent, late, urgent] * 50)


@pytest.mark.parametrize("order", [None, [], {"field": "DUE_AT"}, [{"field": "DUE_AT", "direction": "ASC"}]], ids=str)
def test_due_dates_rise_unless_asked_otherwise_and_tasks_without_one_come_last(
    api: Api, organization: Organization, order: object
) -> None:
    dates = {"none": None, "late": "2027-01-01Z", "soon": "2026-01-01Z"}
    organization.tasks([{"subject": name, "scheduled_at": date} for name, date in dates.items()])

    assert ["soon", "late", "none"] == subjects(api, organization, order)


@pytest.mark.parametrize(
    "order",
    [
        "DUE_AT",
        7,
        {},
        {"field": None},
        {"field": "TITLE"},
        {"field": "due_at"},
        {"field": ["DUE_AT"]},
        {"field": "DUE_AT", "direction": None},
        {"field": "DUE_AT", "direction": "UP"},
        {"field": "DUE_AT", "nulls": None},
        {"field": "DUE_AT", "nulls": "NONE"},
        {"field": "DUE_AT", "unheardOf": 1},
        [None],
        [[{"field": "DUE_AT"}]],
    ],
    ids=str,
)
def test_an_order_that_cant_be_read_is_bad_user_input(api: Api, organization: Organization, order: object) -> None:
    assert ["BAD_USER_INPUT"] == api.codes(organization.viewer(), SUBJECTS, orderBy=order)
