"""Filters by property: whatever is asked of whatever is stored, `tasks` finds what the filter's words mean."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.apis import Api
from tests.filtered_tasks import COLUMNS, Filter, Oracle, Row, expected_ids, shown_rows
from tests.organizations import Organization, new_organization
from tests.owners import Owner
from tests.paged_lists import quickly

FIND = "query ($filter: TaskFilter) { tasks(filter: $filter, first: 200) { totalCount nodes { id } } }"
ROWS = 200
KINDS = ("lead", "contact", "account")
INSTANTS = [
    None,
    "-infinity",
    "2020-01-01T00:00:00Z",
    "2020-01-01T00:00:00.000001Z",
    "2099-12-31T23:00:00Z",
    "infinity",
]
SUBJECTS = [None, "", "Call Anna", "call back: ANNA-LENA", "Renewal 100% (Acme)", "under_score", "o'brien's \\ path"]
DESCRIPTIONS = [None, "", "anna", "see re-newal\nof acme", "x_y", "'; --"]
SEARCHES = [
    "",
    " ",
    "anna",
    "Ann",
    "nna",
    "call anna",
    "anna call",
    "lena",
    "100%",
    "%",
    "_",
    "under",
    "score",
    "acme x",
]
STATUSES = ["pending", "scheduled", "completed", "cancelled", None, "", "PENDING", "done"]
PRIORITIES = ["low", "medium", "high", None, "", "HIGH", "urgent"]


@dataclass(frozen=True, slots=True)
class Filled:
    """An organization with random tasks, and what is known of them."""

    organization: Organization
    oracle: Oracle
    rows: Sequence[Row]
    ids: Mapping[str, Sequence[str]]
    """Identifiers to ask for, by the name of the filter's field."""


def records_of(organization: Organization, users: Sequence[str]) -> dict[str, dict[str, Row]]:
    """Three leads, contacts and accounts each, with and without owner, one of the accounts deleted."""
    owners, statuses = [users[0], users[1], None], ["new", "active", None]
    names = ["Anna", "Acme", "Zoé"]
    found: dict[str, dict[str, Row]] = {kind: {} for kind in KINDS}
    for name, owner, status in zip(names, owners, statuses, strict=True):
        person = {"first_name": name, "last_name": "O'Hara", "company": f"{name} & Co", "email": f"{name}@x.test"}
        texts = [f"{name} O'Hara", f"{name} & Co", f"{name}@x.test"]
        row: Row = {"texts": texts, "status": status, "owner_id": owner, "deleted_at": None}
        lead = organization.lead(**person, status=status, assigned_to=owner)
        contact = organization.contact(**person, status=status, assigned_to=owner)
        found["lead"][str(lead)] = found["contact"][str(contact)] = row
        deleted_at = "now" if name == "Acme" else None
        account = organization.account(
            contact, account_name=f"{name} licence", account_status=status, created_by=owner, deleted_at=deleted_at
        )
        found["account"][str(account)] = {**row, "texts": [f"{name} licence"], "deleted_at": deleted_at}
    return found


@pytest.fixture(scope="module")
def filled(owner: Owner) -> Filled:
    organization = new_organization(owner)
    users = [str(organization.user_id), *(str(organization.user()) for _ in range(2))]
    records = records_of(organization, users)
    links = {f"{kind}_id": [None, None, *records[kind]] for kind in KINDS}
    chosen = Random(4)  # noqa: S311 - the same rows in every run
    rows = [
        {
            "id": str(uuid4()),
            **{column: chosen.choice(values) for column, values in links.items()},
            "user_id": chosen.choice(users),
            "created_by": chosen.choice([None, *users]),
            "subject": chosen.choice(SUBJECTS),
            "description": chosen.choice(DESCRIPTIONS),
            "status": chosen.choice(STATUSES),
            "priority": chosen.choice(PRIORITIES),
            **{column: chosen.choice(INSTANTS) for column in ("scheduled_at", "completed_at", "created_at")},
            "deleted_at": chosen.choice([None, None, None, "2020-01-01T00:00:00Z"]),
        }
        for _ in range(ROWS)
    ]
    organization.tasks(rows)
    organization.tasks([{"interaction_type": "call", "contact_id": links["contact_id"][2]}])
    ids = {f"{kind}Id": [*records[kind], str(uuid4())] for kind in KINDS}
    ids |= {"assigneeId": users, "createdById": users, "id": [str(row["id"]) for row in rows[:3]]}
    return Filled(organization, Oracle(records), rows, ids)


def some_of(fields: Mapping[str, st.SearchStrategy[Any]]) -> st.SearchStrategy[dict[str, Any]]:
    """Draw some of the fields; now and then one of them is null."""
    return st.fixed_dictionaries({}, optional={name: st.none() | value for name, value in fields.items()})


def id_tests(ids: Sequence[str]) -> st.SearchStrategy[Filter]:
    id_ = st.sampled_from(ids)
    return some_of({"eq": id_, "in": st.lists(id_, max_size=3), "ne": id_, "isNull": st.booleans()})


def instant_tests() -> st.SearchStrategy[Filter]:
    instant = st.sampled_from([instant for instant in INSTANTS if instant and "infinity" not in instant])
    return some_of(dict.fromkeys(("eq", "gt", "gte", "lt", "lte"), instant) | {"isNull": st.booleans()})


def record_tests(ids: Sequence[str], users: Sequence[str]) -> st.SearchStrategy[Filter]:
    return some_of(
        {
            "id": id_tests(ids),
            "search": st.sampled_from(["", "an", "Acme", "acme co", "hara", "x.test", "anna@x.test", "licence", "zo"]),
            "status": st.lists(st.sampled_from(["new", "active", ""]), max_size=2),
            "ownerId": id_tests(users),
        }
    )


def filters(ids: Mapping[str, Sequence[str]]) -> st.SearchStrategy[Filter]:
    kinds = st.lists(st.sampled_from([kind.upper() for kind in KINDS]), max_size=3)
    fields: dict[str, st.SearchStrategy[Any]] = {
        **{name: id_tests(ids[name]) for name in COLUMNS if name in ids},
        **{name: instant_tests() for name in ("dueAt", "completedAt", "createdAt")},
        **{kind: record_tests(ids[f"{kind}Id"], ids["assigneeId"]) for kind in KINDS},
        "links": some_of(dict.fromkeys(("all", "any", "none", "only"), kinds)),
        "orphan": st.booleans(),
        "overdue": st.booleans(),
        "search": st.sampled_from(SEARCHES),
        "status": st.lists(st.sampled_from([*(word.upper() for word in STATUSES[:4] if word), "UNKNOWN"]), max_size=3),
        "priority": st.lists(st.sampled_from(["LOW", "MEDIUM", "HIGH", "UNKNOWN"]), max_size=3),
        "includeDeleted": st.booleans(),
    }
    # One or two fields of many, else nearly nothing would be found.
    plain = st.lists(st.sampled_from(list(fields)), max_size=2, unique=True).flatmap(
        lambda names: st.fixed_dictionaries({name: st.none() | fields[name] for name in names})
    )
    found = plain
    for _ in range(3):
        inner = found
        combined = some_of({"and": st.lists(inner, max_size=2), "or": st.lists(inner, max_size=3), "not": inner})
        found = plain | st.tuples(plain, combined).map(lambda parts: parts[0] | parts[1])
    return found


@pytest.mark.slow
@given(data=st.data())
@quickly(150)
def test_a_filter_finds_what_it_says_and_its_negation_finds_the_rest(
    api: Api, filled: Filled, data: st.DataObject
) -> None:
    filter_ = data.draw(filters(filled.ids))

    found = api.data(filled.organization.viewer(), FIND, filter=filter_)["tasks"]
    negation = {"not": filter_, "includeDeleted": filter_.get("includeDeleted")}
    others = api.data(filled.organization.viewer(), FIND, filter=negation)["tasks"]

    expected = expected_ids(filled.oracle, filter_, filled.rows)
    shown = {str(row["id"]) for row in shown_rows(filter_, filled.rows)}
    assert expected == {node["id"] for node in found["nodes"]}
    assert shown - expected == {node["id"] for node in others["nodes"]}
    assert (len(expected), len(shown) - len(expected)) == (found["totalCount"], others["totalCount"])


@pytest.mark.slow
def test_each_field_alone_finds_what_it_says(api: Api, filled: Filled) -> None:
    """Shows that the fields above have something to tell apart."""
    users, first = filled.ids["assigneeId"], filled.rows[0]
    tests: list[Filter] = [
        {"id": {"in": [first["id"]]}},
        *({name: {"eq": filled.ids[name][0]}} for name in filled.ids),
        *({kind: {"search": "anna"}} for kind in KINDS),
        *({kind: {"status": ["new"]}} for kind in KINDS),
        *({kind: {"ownerId": {"eq": users[0]}}} for kind in KINDS),
        *({kind: {"ownerId": {"isNull": True}}} for kind in KINDS),
        *({kind: {"id": {"ne": filled.ids[f"{kind}Id"][0]}}} for kind in KINDS),
        *({"links": {name: ["ACCOUNT", "LEAD"]}} for name in ("all", "any", "none", "only")),
        *({"orphan": value} for value in (True, False)),
        *({"overdue": value} for value in (True, False)),
        *({name: {"lte": "2020-01-01T00:00:00Z"}} for name in ("dueAt", "completedAt", "createdAt")),
        {"search": "anna"},
        {"status": ["UNKNOWN"]},
        {"priority": ["UNKNOWN", "LOW"]},
        {"includeDeleted": False},
        {"includeDeleted": True, "search": "anna"},
        {"not": {"includeDeleted": True, "search": "anna"}},
    ]

    for filter_ in tests:
        found = api.data(filled.organization.viewer(), FIND, filter=filter_)["tasks"]["nodes"]

        expected = expected_ids(filled.oracle, filter_, filled.rows)
        assert expected == {node["id"] for node in found}, filter_
        assert 0 < len(expected) < ROWS, filter_
