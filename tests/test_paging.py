"""Paging through tasks: what may be asked for, and what a page says of its neighbours."""

from typing import Any

import pytest

from tests.apis import Api
from tests.organizations import Organization

PAGE = """
query ($first: Int, $after: String, $last: Int, $before: String, $filter: TaskFilter) {
  tasks(first: $first, after: $after, last: $last, before: $before, filter: $filter) {
    totalCount edges { cursor node { subject } } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }"""


def page(api: Api, organization: Organization, **asked: object) -> Any:
    return api.data(organization.viewer(), PAGE, **asked)["tasks"]


def subjects(page: Any) -> str:
    return "".join(edge["node"]["subject"] for edge in page["edges"])


def more(page: Any) -> tuple[bool, bool]:
    """Return whether there is more before and after."""
    return page["pageInfo"]["hasPreviousPage"], page["pageInfo"]["hasNextPage"]


@pytest.fixture
def letters(organization: Organization) -> Organization:
    """An organization with the tasks a to h in this order; f, g and h have no due date."""
    dates = {letter: f"2026-01-0{day}Z" for day, letter in enumerate("abcde", 1)}
    rows = [{"subject": letter, "scheduled_at": dates.get(letter)} for letter in "abcdefgh"]
    ids = [f"{n:08d}-{str(organization.id)[9:]}" for n in range(8)]
    organization.tasks([{"id": id_, **row} for id_, row in zip(ids, rows, strict=True)])
    return organization


def cursors(api: Api, letters: Organization) -> dict[str, str]:
    return {edge["node"]["subject"]: edge["cursor"] for edge in page(api, letters)["edges"]}


@pytest.mark.parametrize(
    ("asked", "expected", "has_more"),
    [
        ({}, "abcdefgh", (False, False)),
        ({"first": 3}, "abc", (False, True)),
        ({"first": 8}, "abcdefgh", (False, False)),
        ({"first": 200}, "abcdefgh", (False, False)),
        ({"first": 0}, "", (False, True)),
        ({"last": 3}, "fgh", (True, False)),
        ({"last": 8}, "abcdefgh", (False, False)),
        ({"last": 0}, "", (True, False)),
        ({"first": 2, "after": "c"}, "de", (True, True)),
        ({"first": 4, "after": "d"}, "efgh", (True, False)),
        ({"after": "e"}, "fgh", (True, False)),
        ({"after": "f", "first": 1}, "g", (True, True)),
        ({"after": "h"}, "", (True, False)),
        ({"last": 2, "before": "e"}, "cd", (True, True)),
        ({"last": 3, "before": "g"}, "def", (True, True)),
        ({"last": 9, "before": "c"}, "ab", (False, True)),
        ({"last": 1, "before": "a"}, "", (False, True)),
        ({"before": "d"}, "abc", (False, True)),
        ({"first": 2, "before": "d"}, "ab", (False, True)),
        ({"first": 2, "after": "a", "before": "g"}, "bc", (True, True)),
        ({"last": 2, "after": "a", "before": "g"}, "ef", (True, True)),
        ({"last": 2, "after": "c"}, "gh", (True, False)),
        ({"first": 9, "after": "e", "before": "c"}, "", (True, True)),
        ({"first": None, "last": None, "after": None, "before": None}, "abcdefgh", (False, False)),
        ({"first": 2, "last": None}, "ab", (False, True)),
    ],
    ids=str,
)
def test_a_page_holds_its_rows_and_knows_its_neighbours(
    api: Api, letters: Organization, asked: dict[str, Any], expected: str, has_more: tuple[bool, bool]
) -> None:
    places = cursors(api, letters)

    found = page(api, letters, **{name: places.get(value, value) for name, value in asked.items()})

    assert (expected, has_more, 8) == (subjects(found), more(found), found["totalCount"])
    ends = [found["edges"][place]["cursor"] if expected else None for place in (0, -1)]
    assert ends == [found["pageInfo"]["startCursor"], found["pageInfo"]["endCursor"]]


def test_a_cursor_is_the_same_whichever_way_its_row_was_reached(api: Api, letters: Organization) -> None:
    forward = cursors(api, letters)

    backward = page(api, letters, last=8)["edges"]

    assert forward == {edge["node"]["subject"]: edge["cursor"] for edge in backward}


def test_a_cursor_still_works_when_its_row_is_gone(api: Api, letters: Organization) -> None:
    places = cursors(api, letters)

    letters.owner.run(f"DELETE FROM lead_interactions WHERE organization_id = '{letters.id}' AND subject IN ('c', 'g')")

    assert "defh" == subjects(page(api, letters, after=places["c"]))
    assert "h" == subjects(page(api, letters, after=places["g"]))
    assert "ab" == subjects(page(api, letters, before=places["c"]))


def test_the_count_follows_the_filter_and_not_the_page(api: Api, letters: Organization) -> None:
    letters.task(subject="i", contact_id=letters.contact())

    found = page(api, letters, first=1, filter={"links": {"only": ["CONTACT"]}})

    assert ("i", 1) == (subjects(found), found["totalCount"])


def test_fifty_fit_on_a_page_unless_more_are_asked_for(api: Api, organization: Organization) -> None:
    organization.tasks([{"subject": "x"}] * 201)

    assert 50 == len(page(api, organization)["edges"])
    largest = page(api, organization, first=200)
    assert (200, (False, True), 201) == (len(largest["edges"]), more(largest), largest["totalCount"])


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"first": -1}, "BAD_USER_INPUT"),
        ({"last": -1}, "BAD_USER_INPUT"),
        ({"first": -2147483648}, "BAD_USER_INPUT"),
        ({"first": 1, "last": 1}, "BAD_USER_INPUT"),
        ({"first": 0, "last": 0}, "BAD_USER_INPUT"),
        ({"first": 201}, "LIMIT_EXCEEDED"),
        ({"last": 201}, "LIMIT_EXCEEDED"),
        ({"first": 100_000}, "LIMIT_EXCEEDED"),
        ({"first": 2147483647}, "LIMIT_EXCEEDED"),
        ({"first": 2147483648}, "BAD_USER_INPUT"),
        ({"first": "1"}, "BAD_USER_INPUT"),
        ({"first": 1.5}, "BAD_USER_INPUT"),
        ({"first": True}, "BAD_USER_INPUT"),
        ({"after": ""}, "BAD_USER_INPUT"),
        ({"before": "x"}, "BAD_USER_INPUT"),
        ({"after": 5}, "BAD_USER_INPUT"),
    ],
    ids=str,
)
@pytest.mark.parametrize("field", ["tasks", "timeline"])
def test_a_page_that_cant_be_is_refused(
    api: Api, organization: Organization, field: str, asked: dict[str, object], code: str
) -> None:
    contact = organization.contact()
    argument = f'record: {{contactId: "{contact}"}}, ' if field == "timeline" else ""
    query = f"""query ($first: Int, $after: String, $last: Int, $before: String) {{
      {field}({argument}first: $first, after: $after, last: $last, before: $before) {{ totalCount }} }}"""

    answer = api.ask(query, asked, viewer=organization.viewer())

    assert answer.status_code < 500
    assert [code] == [error["extensions"]["code"] for error in answer.json()["errors"]]
    assert not (answer.json().get("data") or {}).get(field)
