"""Lists that hang on a record: its tasks, and a contact's accounts."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from tests.apis import Api
from tests.organizations import Organization, new_organization
from tests.owners import Owner

TASKS = """query ($id: ID!, $filter: TaskFilter, $orderBy: [TaskOrder!], $first: Int, $after: String, $last: Int,
                   $before: String) {{
  {kind}(id: $id) {{ tasks(filter: $filter, orderBy: $orderBy, first: $first, after: $after, last: $last,
                           before: $before) {{
    totalCount pageInfo {{ hasNextPage hasPreviousPage startCursor endCursor }} edges {{ cursor node {{ id }} }}
    nodes {{ id }} }} }} }}"""
OF_ALL = TASKS.replace("{kind}(id: $id) {{ tasks(filter", "tasks(filter").replace(" }} }} }}", " }} }}")
OF_ALL = OF_ALL.replace("$id: ID!, ", "").format()
ACCOUNTS = """query ($id: ID!, $first: Int, $after: String, $last: Int, $before: String) {
  contact(id: $id) { accounts(first: $first, after: $after, last: $last, before: $before) {
    totalCount pageInfo { hasNextPage hasPreviousPage startCursor endCursor } edges { cursor node { name } } } } }"""

KINDS = ["lead", "contact", "account"]
ORDERS = [
    *(
        [{"field": field, "direction": direction, "nulls": nulls}]
        for field in ("DUE_AT", "PRIORITY", "SUBJECT")
        for direction in ("ASC", "DESC")
        for nulls in ("FIRST", "LAST")
    ),
    [{"field": "PRIORITY", "direction": "DESC"}, {"field": "DUE_AT", "nulls": "FIRST"}],
]


def record(organization: Organization, kind: str) -> UUID:
    if kind == "account":
        return organization.account(organization.contact())
    return organization.lead() if kind == "lead" else organization.contact()


def fill(organization: Organization, kind: str, id_: UUID, size: int) -> list[UUID]:
    """Tasks of a record, some of which are alike, and some without date or priority."""
    now = datetime.now(UTC)
    return organization.tasks(
        [
            {
                f"{kind}_id": id_,
                "scheduled_at": None if number % 3 == 0 else now + timedelta(days=number % 4),
                "priority": [None, "low", "high", "urgent"][number % 4],
                "subject": f"Task {number % 5}",
            }
            for number in range(size)
        ]
    )


def list_of(api: Api, organization: Organization, query: str, **variables: object) -> dict[str, Any]:
    found: dict[str, Any] = api.data(organization.viewer(), query, **variables)
    while "pageInfo" not in found:
        (found,) = found.values()
    return found


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "order"), [*((kind, []) for kind in KINDS), *(("contact", order) for order in ORDERS)], ids=str
)
def test_a_records_tasks_are_those_that_a_filter_finds(
    api: Api, organization: Organization, kind: str, order: list[dict[str, str]]
) -> None:
    mine, other = record(organization, kind), record(organization, kind)
    fill(organization, kind, other, 3)
    tasks = fill(organization, kind, mine, 11)
    organization.task(interaction_type="call", **{f"{kind}_id": mine})
    by_filter = {"filter": {f"{kind}Id": {"eq": str(mine)}}}
    query = TASKS.format(kind=kind)

    expected = list_of(api, organization, OF_ALL, orderBy=order, **by_filter)["nodes"]

    assert {str(task) for task in tasks} == {node["id"] for node in expected}
    for size, way, far in ((2, "first", "after"), (3, "last", "before"), (200, "first", "after")):
        pages: list[Any] = []
        cursor = None
        while not pages or cursor:
            asked = {way: size, far: cursor, "orderBy": order, "id": str(mine)}
            page = list_of(api, organization, query, **asked)
            assert 11 == page["totalCount"]
            assert page["nodes"] == [edge["node"] for edge in page["edges"]]
            pages.append(page["nodes"])
            is_more = page["pageInfo"]["hasNextPage" if way == "first" else "hasPreviousPage"]
            cursor = page["pageInfo"]["endCursor" if way == "first" else "startCursor"] if is_more else None
        assert expected == [node for page in (pages if way == "first" else pages[::-1]) for node in page]


@pytest.mark.parametrize("kind", KINDS)
def test_a_filter_chooses_among_the_records_tasks(api: Api, organization: Organization, kind: str) -> None:
    mine = record(organization, kind)
    fill(organization, kind, mine, 4)
    high = {"filter": {"priority": ["HIGH"]}, "id": str(mine)}

    found = list_of(api, organization, TASKS.format(kind=kind), **high)

    assert 1 == found["totalCount"] == len(found["nodes"])


def test_a_cursor_belongs_to_one_record(api: Api, organization: Organization) -> None:
    mine, other = organization.contact(), organization.contact()
    for contact in (mine, other):
        fill(organization, "contact", contact, 2)
        organization.account(contact)
    viewer = organization.viewer()

    for query in (TASKS.format(kind="contact"), ACCOUNTS):
        cursor = list_of(api, organization, query, id=str(mine))["edges"][0]["cursor"]
        assert [] == api.codes(viewer, query, id=str(mine), after=cursor)
        assert ["BAD_USER_INPUT"] == api.codes(viewer, query, id=str(other), after=cursor)
    cursor = list_of(api, organization, OF_ALL)["edges"][0]["cursor"]
    assert ["BAD_USER_INPUT"] == api.codes(viewer, TASKS.format(kind="contact"), id=str(mine), after=cursor)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ({"first": -1}, "BAD_USER_INPUT"),
        ({"first": 201}, "LIMIT_EXCEEDED"),
        ({"last": 201}, "LIMIT_EXCEEDED"),
        ({"first": 1, "last": 1}, "BAD_USER_INPUT"),
        ({"first": 2**31}, "BAD_USER_INPUT"),
        ({"first": "1"}, "BAD_USER_INPUT"),
        ({"after": "nothing"}, "BAD_USER_INPUT"),
        ({"after": ""}, "BAD_USER_INPUT"),
        ({"before": "\0"}, "BAD_USER_INPUT"),
        ({"after": "🙂" * 1_000}, "BAD_USER_INPUT"),
        ({"after": 5}, "BAD_USER_INPUT"),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_a_bad_page_is_refused(api: Api, organization: Organization, arguments: dict[str, object], code: str) -> None:
    contact = str(organization.contact())

    for query in (TASKS.format(kind="contact"), ACCOUNTS):
        assert [code] == api.codes(organization.viewer(), query, id=contact, **arguments)


def test_a_contacts_accounts_come_by_name_without_deleted_ones(api: Api, organization: Organization) -> None:
    contact = organization.contact()
    organization.account(organization.contact(), account_name="Another contact's")
    organization.account(contact, account_name="Gone", deleted_at="now")
    names = ["alpha", "Beta", "  ", "gamma", "Été", "Zeta", "𝒵 🙂", "X" * 255, "İ" * 255]
    for name in names:
        organization.account(contact, account_name=name)
    expected = [edge["node"] for edge in list_of(api, organization, ACCOUNTS, id=str(contact))["edges"]]

    assert sorted(names) == sorted(node["name"] for node in expected)
    assert ["alpha", "Beta", "gamma", "Zeta"] == [
        node["name"] for node in expected if node["name"] in {"alpha", "Beta", "gamma", "Zeta"}
    ]
    for way, far, more, end in (
        ("first", "after", "hasNextPage", "endCursor"),
        ("last", "before", "hasPreviousPage", "startCursor"),
    ):
        found: list[Any] = []
        cursor, is_more = None, True
        while is_more:
            page = list_of(api, organization, ACCOUNTS, id=str(contact), **{way: 2, far: cursor})
            assert len(names) == page["totalCount"]
            nodes = [edge["node"] for edge in page["edges"]]
            found = found + nodes if way == "first" else nodes + found
            cursor, is_more = page["pageInfo"][end], page["pageInfo"][more]
        assert expected == found


def test_a_page_of_none_says_whether_there_are_some(api: Api, organization: Organization) -> None:
    contact = organization.contact()
    query = TASKS.format(kind="contact")

    for size in (0, 1):
        page = list_of(api, organization, query, id=str(contact), first=0)
        assert (size, size > 0, []) == (page["totalCount"], page["pageInfo"]["hasNextPage"], page["nodes"])
        organization.task(contact_id=contact)


NESTED = """query ($first: Int!) { list: searchRecords(search: "nested", first: $first) {
  ...Lists
  ... on Contact { accounts(first: 2) { totalCount edges { node { ...Lists contact { ...Lists } } } } }
  ... on Lead { contact { ...Lists accounts { edges { node { name } } } } } } }
fragment Lists on CrmRecord {
  tasks(first: 3) { totalCount nodes { id bucket contact { displayName tasks(first: 1) { nodes { id } } } } }
  late: tasks(filter: {overdue: true}, orderBy: [{field: PRIORITY, direction: DESC}], last: 2) { nodes { id } }
  taskStats { total next { id } } related: taskStats(includeRelated: true) { open byStatus { count } next { id } } }"""


@pytest.fixture(scope="module")
def crowd(owner: Owner) -> Organization:
    """Fifty contacts with an account and a task each."""
    organization = new_organization(owner)
    names = [{"first_name": "Nested", "last_name": f"{number:02}"} for number in range(50)]
    contacts = organization.insert_all("contacts", names)
    accounts = organization.insert_all(
        "accounts", [{"account_name": "Some", "contact_id": contact} for contact in contacts]
    )
    due = datetime.now(UTC) - timedelta(days=1)
    organization.tasks([{"contact_id": contact, "scheduled_at": due} for contact in contacts])
    organization.tasks([{"account_id": account, "scheduled_at": due} for account in accounts])
    return organization


@pytest.mark.slow
def test_lists_of_one_record_and_of_fifty_take_the_same_statements(api: Api, crowd: Organization) -> None:
    costs = []
    for size in (1, 2, 50):
        answer = api.ask(NESTED, {"first": size}, viewer=crowd.viewer()).json()
        assert "errors" not in answer, answer["errors"]
        assert size == len(answer["data"]["list"])
        costs.append(answer["extensions"]["cost"]["statements"])

    assert [costs[0]] * 3 == costs


@pytest.mark.parametrize(
    ("selection", "points"),
    [
        ("tasks { nodes { id } }", 1 + 50),
        ("tasks(first: 7) { nodes { id } }", 1 + 7),
        ("tasks(last: 7) { edges { node { contact { tasks { nodes { id } } } } } }", 1 + 7 * (1 + 1 + 1 + 50)),
        ("tasks { totalCount }", 1 + 20),
        ("... on Contact { accounts { edges { node { tasks(first: 2) { nodes { id } } } } } }", 1 + 50 * (1 + 1 + 2)),
        ("taskStats { total next { id } }", 2),
    ],
)
def test_lists_in_a_list_cost_as_much_as_they_can_hold(
    api: Api, organization: Organization, selection: str, points: int
) -> None:
    one, many = (
        api.ask(f'{{ searchRecords(search: "x", first: {size}) {{ {selection} }} }}', viewer=organization.viewer())
        for size in (1, 3)
    )

    assert 1 + points == one.json()["extensions"]["cost"]["points"]
    assert 3 * (1 + points) == many.json()["extensions"]["cost"]["points"]


def test_more_than_an_answer_may_hold_is_refused(api: Api, organization: Organization) -> None:
    query = "{ tasks(first: 200) { nodes { contact { tasks(first: 100) { nodes { id } } } } } }"

    assert ["LIMIT_EXCEEDED"] == api.codes(organization.viewer(), query)
