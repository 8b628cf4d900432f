"""Keyset paging by property: whatever is stored, each row comes once and in order, both ways, also while rows move."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.apis import Api
from tests.organizations import Organization, new_organization
from tests.owners import Owner

ARGUMENTS = "first: $first, after: $after, last: $last, before: $before"
VARIABLES = "query ($record: ID!, $first: Int, $after: String, $last: Int, $before: String)"
SELECTION = "{ edges { node { id } } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } }"
QUERIES = {
    "tasks": f"{VARIABLES} {{ list: tasks(filter: {{contactId: {{eq: $record}}}}, {ARGUMENTS}) {SELECTION} }}",
    "timeline": f"{VARIABLES} {{ list: timeline(record: {{contactId: $record}}, {ARGUMENTS}) {SELECTION} }}",
}
ORDERS = {
    "tasks": "scheduled_at ASC NULLS LAST, id ASC",
    "timeline": "coalesce(completed_at, scheduled_at, created_at, '-infinity') DESC, id DESC",
}

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
rows = st.fixed_dictionaries({"scheduled_at": instants, "completed_at": instants, "created_at": instants})
sizes = st.lists(st.integers(1, 5), min_size=1, max_size=4)

Between = Callable[[Sequence[str]], None]


@dataclass(frozen=True, slots=True)
class Stored:
    """One contact's tasks, and how they are listed."""

    api: Api
    organization: Organization
    contact: UUID
    field: str

    def add(self, rows: Sequence[dict[str, str | None]]) -> None:
        self.organization.tasks([{"contact_id": self.contact, **row} for row in rows])

    def ids(self) -> list[str]:
        sql = f"SELECT id FROM lead_interactions WHERE contact_id = '{self.contact}' ORDER BY {ORDERS[self.field]}"
        return [row["id"] for row in self.organization.owner.rows(sql)]

    def pages(self, sizes: Sequence[int], *, backwards: bool, between: Between = lambda _: None) -> list[list[str]]:
        """Return all pages as they come, one after the other, with something done between them."""
        names = ("last", "before", "startCursor", "hasPreviousPage") if backwards else FORWARDS
        size, place, end, more = names
        cursor: str | None = None
        pages: list[list[str]] = []
        while True:
            limit = sizes[len(pages) % len(sizes)]
            asked: dict[str, object] = {size: limit, place: cursor, "record": str(self.contact)}
            page = self.api.data(self.organization.viewer(), QUERIES[self.field], **asked)["list"]
            pages.append([edge["node"]["id"] for edge in page["edges"]])
            assert len(pages[-1]) <= limit
            assert len(pages) < 100, "the pages go round in circles"
            if not page["pageInfo"][more]:
                return pages
            cursor = page["pageInfo"][end]
            between(pages[-1])


FORWARDS = ("first", "after", "endCursor", "hasNextPage")


def new_list(api: Api, owner: Owner, field: str) -> Stored:
    organization = new_organization(owner)
    return Stored(api, organization, organization.contact(), field)


def quickly(examples: int) -> settings:
    return settings(max_examples=examples, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@pytest.mark.slow
@pytest.mark.parametrize("field", QUERIES)
@given(data=st.data())
@quickly(20)
def test_each_row_comes_once_and_in_order_both_ways(api: Api, owner: Owner, field: str, data: st.DataObject) -> None:
    stored = new_list(api, owner, field)
    stored.add(data.draw(st.lists(rows, max_size=16)))
    sizes_ = data.draw(sizes)

    forward = stored.pages(sizes_, backwards=False)
    backward = stored.pages(sizes_, backwards=True)

    expected = stored.ids()
    assert expected == [id_ for page in forward for id_ in page]
    assert expected == [id_ for page in reversed(backward) for id_ in page]
    # A last page that promises more than there is would be empty.
    assert all(forward) or not expected
    assert all(backward) or not expected


@pytest.mark.slow
@pytest.mark.parametrize("field", QUERIES)
@pytest.mark.parametrize("backwards", [False, True], ids=["forwards", "backwards"])
@given(data=st.data())
@quickly(20)
def test_rows_that_come_and_go_hide_and_repeat_nothing(
    api: Api, owner: Owner, field: str, backwards: bool, data: st.DataObject
) -> None:
    stored = new_list(api, owner, field)
    stored.add(data.draw(st.lists(rows, min_size=6, max_size=14)))
    lasting = set(stored.ids())

    def change(page: Sequence[str]) -> None:
        """Remove a row, often one of the page just read, whose cursor is the next one's start; and add one or two."""
        gone = data.draw(st.sampled_from([*page, *stored.ids()]))
        owner.run(f"DELETE FROM lead_interactions WHERE id = '{gone}'")
        lasting.discard(gone)
        if data.draw(st.booleans()):
            stored.add([data.draw(rows)])

    pages = stored.pages(data.draw(sizes), backwards=backwards, between=change)

    seen = [id_ for page in (reversed(pages) if backwards else pages) for id_ in page]
    assert len(set(seen)) == len(seen)
    assert lasting <= set(seen)
    assert [id_ for id_ in stored.ids() if id_ in lasting] == [id_ for id_ in seen if id_ in lasting]
