"""Lists of tasks and other interactions, read page by page to the end."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from hypothesis import settings
from hypothesis import strategies as st

from tests.apis import Api
from tests.organizations import Organization, new_organization
from tests.owners import Owner

ARGUMENTS = "first: $first, after: $after, last: $last, before: $before"
VARIABLES = "$record: ID!, $first: Int, $after: String, $last: Int, $before: String"
SELECTION = "{ edges { cursor node { id } } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } }"

# Few values, so that many are equal; the extremes of PostgreSQL's calendar, of Python's, and neighbours of both.
INSTANTS = [
    None,
    "-infinity",
    "4713-01-01 00:00:00+00 BC",
    "0001-12-31 23:59:59.999999+00 BC",
    "0001-01-01 00:00:00+00",
    "1999-12-31 23:59:59.999999+00",
    "2000-01-01 00:00:00+00",
    "2026-02-10 15:30:00.000001+00",
    "2026-02-10 15:30:00.000002+00",
    "9999-12-31 23:59:59.999999+00",
    "10000-01-01 00:00:00+00",
    "294276-12-31 23:59:59.999999+00",
    "infinity",
]
instants = st.sampled_from(INSTANTS)
sizes = st.lists(st.integers(1, 5), min_size=1, max_size=4)

Row = Mapping[str, str | None]
Between = Callable[[Sequence[str]], None]

FORWARDS = ("first", "after", "endCursor", "hasNextPage")
BACKWARDS = ("last", "before", "startCursor", "hasPreviousPage")


@dataclass(frozen=True, slots=True)
class PagedList:
    """One contact's interactions, how they are asked for, and how SQL says that they are sorted."""

    api: Api
    organization: Organization
    contact: UUID
    query: str
    order: str
    asked: Mapping[str, object] = field(default_factory=dict)

    def add(self, rows: Sequence[Row]) -> None:
        # In one order of columns: Hypothesis varies that of a dictionary's keys.
        self.organization.tasks([{"contact_id": self.contact, **dict(sorted(row.items()))} for row in rows])

    def remove(self, id_: str) -> None:
        self.organization.owner.run(f"DELETE FROM lead_interactions WHERE id = '{id_}'")

    def ids(self) -> list[str]:
        sql = f"SELECT id FROM lead_interactions WHERE contact_id = '{self.contact}' ORDER BY {self.order}"
        return [row["id"] for row in self.organization.owner.rows(sql)]

    def page(self, **asked: object) -> dict[str, Any]:
        variables = {**self.asked, **asked, "record": str(self.contact)}
        page: dict[str, Any] = self.api.data(self.organization.viewer(), self.query, **variables)["list"]
        return page

    def pages(self, sizes: Sequence[int], *, backwards: bool, between: Between = lambda _: None) -> list[list[str]]:
        """Return all pages as they come, one after the other, with something done between them."""
        size, place, end, more = BACKWARDS if backwards else FORWARDS
        cursor: str | None = None
        pages: list[list[str]] = []
        while True:
            limit = sizes[len(pages) % len(sizes)]
            page = self.page(**{size: limit, place: cursor})
            pages.append([edge["node"]["id"] for edge in page["edges"]])
            assert len(pages[-1]) <= limit
            assert len(pages) < 100, "the pages go round in circles"
            if not page["pageInfo"][more]:
                return pages
            cursor = page["pageInfo"][end]
            between(pages[-1])


def new_list(api: Api, owner: Owner, query: str, order: str, **asked: object) -> PagedList:
    organization = new_organization(owner)
    return PagedList(api, organization, organization.contact(), query, order, asked)


def quickly(examples: int) -> settings:
    return settings(max_examples=examples)


def check_both_ways(listed: PagedList, sizes: Sequence[int]) -> None:
    """Assert that each row comes once and in order, both ways."""
    forward = listed.pages(sizes, backwards=False)
    backward = listed.pages(sizes, backwards=True)

    expected = listed.ids()
    assert expected == [id_ for page in forward for id_ in page]
    assert expected == [id_ for page in reversed(backward) for id_ in page]
    # A last page that promises more than there is would be empty.
    assert all(forward) or not expected
    assert all(backward) or not expected


def check_while_rows_move(
    listed: PagedList, rows: st.SearchStrategy[Row], data: st.DataObject, *, backwards: bool
) -> None:
    """Assert that each row that stays comes once and in order, while others come and go between the pages."""
    lasting = set(listed.ids())

    def change(page: Sequence[str]) -> None:
        """Remove a row, often one of the page just read, whose cursor is the next one's start; and add one or two."""
        gone = data.draw(st.sampled_from([*page, *listed.ids()]))
        listed.remove(gone)
        lasting.discard(gone)
        if data.draw(st.booleans()):
            listed.add([data.draw(rows)])

    pages = listed.pages(data.draw(sizes), backwards=backwards, between=change)

    seen = [id_ for page in (reversed(pages) if backwards else pages) for id_ in page]
    assert len(set(seen)) == len(seen)
    assert lasting <= set(seen)
    assert [id_ for id_ in listed.ids() if id_ in lasting] == [id_ for id_ in seen if id_ in lasting]


def check_between_places(listed: PagedList, data: st.DataObject) -> None:
    """Assert that between any two cursors lies what lies between their rows, read from either side."""
    edges = listed.page(first=200)["edges"]
    places = st.integers(0, len(edges) - 1)
    after, before = data.draw(places), data.draw(places)
    sides = {"after": edges[after]["cursor"], "before": edges[before]["cursor"]}
    between = [edge["node"]["id"] for edge in edges[after + 1 : before]]

    for size, expected in (("first", between[:2]), ("last", between[-2:])):
        page = listed.page(**sides, **{size: 2})
        assert expected == [edge["node"]["id"] for edge in page["edges"]]
