"""How large a TaskFilter may be, and what is refused of one: in our words, and never as a failure of ours."""

from typing import Any
from uuid import UUID, uuid4

import pytest

from tests.apis import Api
from tests.organizations import Organization

COUNT = "query ($filter: TaskFilter) { tasks(filter: $filter, first: 0) { totalCount } }"
ID = str(UUID(int=7))


def nested(depth: int, combine: str) -> dict[str, Any]:
    """A filter of this many levels."""
    inner: dict[str, Any] = {"search": "x"}
    for _ in range(depth - 1):
        inner = {combine: inner if combine == "not" else [inner]}
    return inner


def refusal(api: Api, organization: Organization, filter_: object) -> tuple[str, str]:
    """Return the code and the message of the only error."""
    answer = api.ask(COUNT, {"filter": filter_}, viewer=organization.viewer())
    assert answer.status_code < 500
    (error,) = answer.json()["errors"]
    return error["extensions"]["code"], error["message"]


@pytest.mark.parametrize("combine", ["and", "or", "not"])
def test_filters_nest_8_levels_deep(api: Api, organization: Organization, combine: str) -> None:
    assert api.data(organization.viewer(), COUNT, filter=nested(8, combine))["tasks"]

    for depth in (9, 20, 45):
        code, message = refusal(api, organization, nested(depth, combine))
        assert ("LIMIT_EXCEEDED", True) == (code, "deeper than 8 levels" in message)


@pytest.mark.parametrize(
    "of",
    [
        lambda count: {"or": [{"search": "x"}] * (count // 2)},
        lambda count: {"and": [{}] * count},
        lambda count: {"or": [{"lead": {"search": "x", "id": {"ne": ID}, "ownerId": {"isNull": True}}}] * (count // 4)},
        lambda count: {"and": [{"not": {"dueAt": {"gt": "2026-01-01T00:00:00Z", "isNull": False}}}] * (count // 4)},
    ],
    ids=["or", "empty filters", "records", "not"],
)
def test_a_filter_has_at_most_100_conditions(api: Api, organization: Organization, of: Any) -> None:
    assert api.data(organization.viewer(), COUNT, filter=of(100))["tasks"]

    code, message = refusal(api, organization, of(104))
    assert ("LIMIT_EXCEEDED", True) == (code, "104 conditions" in message)
    assert "LIMIT_EXCEEDED" == refusal(api, organization, of(4_000))[0]


def filter_with(path: str, value: object) -> Any:
    """Return a filter that holds the value at this path, as error messages write it."""
    for step in reversed(path.removeprefix("filter.").split(".")):
        name, is_listed, place = step.partition("[")
        value = {name: [{}] * int(place.rstrip("]")) + [value] if is_listed else value}
    return value


@pytest.mark.parametrize(
    "path",
    [
        "filter.leadId.in",
        "filter.id.in",
        "filter.contact.id.in",
        "filter.account.status",
        "filter.or[1].not.createdById.in",
    ],
)
def test_a_list_has_at_most_500_values(api: Api, organization: Organization, path: str) -> None:
    values = [str(uuid4()) for _ in range(501)]

    assert api.data(organization.viewer(), COUNT, filter=filter_with(path, values[:500]))["tasks"]
    code, message = refusal(api, organization, filter_with(path, values))
    assert ("LIMIT_EXCEEDED", True) == (code, message.startswith(f"{path} lists 501 values"))


@pytest.mark.parametrize("path", ["filter.search", "filter.lead.search", "filter.and[0].account.search"])
def test_a_search_has_at_most_10_words_and_1000_characters(api: Api, organization: Organization, path: str) -> None:
    most = " ".join(["x" * 99] * 10)
    assert api.data(organization.viewer(), COUNT, filter=filter_with(path, most))["tasks"]
    assert api.data(organization.viewer(), COUNT, filter=filter_with(path, most + " "))["tasks"]

    for search in ("a b c d e f g h i j k", "x" * 1_001, " " * 1_001):
        code, message = refusal(api, organization, filter_with(path, search))
        assert ("BAD_USER_INPUT", True) == (code, message.startswith(f"{path} has more than 10 words"))


WRONG: list[object] = [
    7,
    "x",
    [{"search": 7}],
    {"search": 7},
    {"search": ["x"]},
    {"search": "\0"},
    {"and": 7},
    {"and": [None]},
    {"or": [7]},
    {"not": "x"},
    {"not": [{}, {}]},
    {"id": ID},
    {"id": {"eq": 7.5}},
    {"id": {"eq": [ID]}},
    {"id": {"eq": ID + "0"}},
    {"id": {"eq": f"{{{ID}}}"}},
    {"id": {"eq": ID.replace("-", "")}},
    {"id": {"in": [ID, ID[:-1] + "٧"]}},
    {"createdById": {"ne": "\0" * 36}},
    {"lead": ID},
    {"lead": {"id": ID}},
    {"lead": {"id": {"in": ["x"]}}},
    {"contact": {"status": [None]}},
    {"contact": {"status": [7]}},
    {"contact": {"status": ["\0"]}},
    {"account": {"ownerId": {"eq": "x"}}},
    {"account": {"ownerId": None, "owner": None}},
    {"links": {"all": ["TASK"]}},
    {"orphan": 1},
    {"orphan": "true"},
    {"overdue": []},
    {"priority": ["urgent"]},
    {"priority": ["low"]},
    {"status": [["PENDING"]]},
    {"dueAt": "2026-01-01T00:00:00Z"},
    {"dueAt": {"eq": 7}},
    {"dueAt": {"gt": ["2026-01-01T00:00:00Z"]}},
    {"dueAt": {"gt": "2026-01-01"}},
    {"dueAt": {"gt": "2026-01-01T00:00:00"}},
    {"dueAt": {"gte": "0000-12-31T00:00:00Z"}},
    {"dueAt": {"lt": "10000-01-01T00:00:00Z"}},
    {"dueAt": {"lte": "0001-01-01T00:00:00+01:00"}},
    {"dueAt": {"lte": "9999-12-31T23:59:59-01:00"}},
    {"dueAt": {"eq": "2016-12-31T23:59:60Z"}},
    {"dueAt": {"eq": "infinity"}},
    {"completedAt": {"eq": "2026-02-30T00:00:00Z"}},
    {"createdAt": {"isNull": "no"}},
    {"createdAt": {"eq": "x" * 100_000}},
]


@pytest.mark.parametrize("filter_", WRONG, ids=lambda filter_: str(filter_)[:50])
def test_what_is_no_filter_is_bad_user_input(api: Api, organization: Organization, filter_: object) -> None:
    code, message = refusal(api, organization, filter_)

    assert "BAD_USER_INPUT" == code
    assert len(message) < 600


@pytest.mark.parametrize(
    "filter_",
    [
        '{contact: {status: ["\\u0000"]}}',
        '{search: "\\u0000"}',
        '{search: "\\uD800"}',
        '{contact: {status: ["\\uDFFF"]}}',
        '{lead: {search: "\\uD83D"}}',
        '{id: {eq: "\\uD800"}}',
        '{dueAt: {eq: "\\u0000"}}',
        "{dueAt: {eq: 99999999999999999999}}",
        '{priority: ["LOW"]}',
        "{status: LOW}",
    ],
)
def test_what_is_written_in_the_document_is_checked_as_well(api: Api, organization: Organization, filter_: str) -> None:
    query = f"{{ tasks(filter: {filter_}) {{ totalCount }} }}"

    answer = api.ask(query, viewer=organization.viewer())

    assert answer.status_code < 500
    assert ["BAD_USER_INPUT"] == [error["extensions"]["code"] for error in answer.json()["errors"]]


@pytest.mark.parametrize(
    "search", ["😀", "e\u0301", "\u202e", "\ufeff", "\x01\x1b", "%", "_", "\\", "'", "$1", "\U0010ffff"]
)
def test_odd_characters_are_searched_for_as_they_are(api: Api, organization: Organization, search: str) -> None:
    organization.tasks([{"subject": f"see {search}"}, {"subject": "see nothing"}])

    asked = {"search": search, "not": {"lead": {"search": search, "status": [search]}}}
    assert 1 == api.data(organization.viewer(), COUNT, filter=asked)["tasks"]["totalCount"]
