"""Timelines by property: whatever is stored and asked for, they hold what a second opinion says, in its order."""

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given as drawing
from hypothesis import settings
from hypothesis import strategies as st

from tests.apis import Api
from tests.drawn_timelines import ASKED, COUNTS, INSTANTS, World, filters, given, occurs, rows
from tests.owners import Owner

TIMELINE = """
query ($record: RecordRef!, $related: Boolean, $filter: TimelineFilter, $at: DateTime,
       $first: Int, $after: String, $last: Int, $before: String) {
  timeline(record: $record, includeRelated: $related, filter: $filter, at: $at,
           first: $first, after: $after, last: $last, before: $before) {
    totalCount edges { node { id } via { kind isDirect record { id } } }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }"""
FORWARDS = ("first", "after", "endCursor", "hasNextPage")
BACKWARDS = ("last", "before", "startCursor", "hasPreviousPage")

targets = st.one_of(
    st.just(("contact", 0)),  # the one with most relations
    *(st.tuples(st.just(kind), st.integers(0, count - 1 - (kind == "account"))) for kind, count in COUNTS.items()),
)
mostly = st.sampled_from([True, True, True, False])
sizes = st.lists(st.integers(1, 4), min_size=1, max_size=3)
quickly = settings(max_examples=40)

Entries = list[tuple[str, list[str]]]


def read(api: Api, world: World, target: tuple[str, int], **asked: object) -> Any:
    kind, place = target
    record = {f"{kind}Id": str(world.ids[kind][place])}
    return api.data(world.organization.viewer(), TIMELINE, record=record, **asked)["timeline"]


def entries(page: Any) -> Entries:
    return [(edge["node"]["id"], [match["kind"].lower() for match in edge["via"]]) for edge in page["edges"]]


def all_pages(read_page: Any, sizes: Sequence[int], names: tuple[str, str, str, str]) -> list[Any]:
    size, place, end, more = names
    pages: list[Any] = []
    cursor = None
    while not pages or pages[-1]["pageInfo"][more]:
        limit = sizes[len(pages) % len(sizes)]
        pages.append(read_page(**{size: limit, place: cursor}))
        assert 0 < len(pages[-1]["edges"]) <= limit or len(pages) == 1
        cursor = pages[-1]["pageInfo"][end]
    return pages


@pytest.mark.slow
@drawing(data=st.data())
@quickly
def test_a_timeline_holds_each_entry_once_in_order_and_all_links_that_brought_it(
    api: Api, owner: Owner, data: st.DataObject
) -> None:
    world = World.new(owner, data.draw(st.lists(rows, min_size=4, max_size=20)))
    target, is_related_included, wanted = data.draw(targets), data.draw(mostly), data.draw(filters)
    expected = world.expected(world.sources(*target, is_related_included=is_related_included), wanted)
    sizes_ = data.draw(sizes)

    def page(**asked: object) -> Any:
        return read(api, world, target, related=is_related_included, filter=given(world, wanted), **asked)

    forward = all_pages(page, sizes_, FORWARDS)
    backward = all_pages(page, sizes_, BACKWARDS)

    assert expected == [entry for found in forward for entry in entries(found)]
    assert expected == [entry for found in reversed(backward) for entry in entries(found)]
    assert {len(expected)} == {found["totalCount"] for found in (*forward, *backward)}
    for edge in forward[0]["edges"]:
        row = next(row for id_, row in world.rows.items() if str(id_) == edge["node"]["id"])
        links = [(match["kind"].lower(), match["isDirect"], match["record"]["id"]) for match in edge["via"]]
        assert [(kind, kind == target[0], str(world.ids[kind][row[kind]])) for kind, *_ in links] == links


@pytest.mark.slow
@drawing(data=st.data())
@quickly
def test_a_timeline_opened_at_an_instant_reads_the_past_from_it_and_the_future_to_it(
    api: Api, owner: Owner, data: st.DataObject
) -> None:
    world = World.new(owner, data.draw(st.lists(rows, min_size=4, max_size=20)))
    target, is_related_included, wanted = data.draw(targets), data.draw(mostly), data.draw(filters)
    at, size = data.draw(st.sampled_from(ASKED)), data.draw(st.integers(0, 5))
    expected = world.expected(world.sources(*target, is_related_included=is_related_included), wanted)
    of = {str(id_): occurs(row) for id_, row in world.rows.items()}
    past, future = ([entry for entry in expected if (of[entry[0]] <= at) is is_past] for is_past in (True, False))

    def opened(**asked: object) -> Any:
        instant = INSTANTS[at][1]
        return read(api, world, target, related=is_related_included, filter=given(world, wanted), at=instant, **asked)

    back, ahead = opened(first=size), opened(last=size)

    assert past[:size] == entries(back)
    assert future[max(0, len(future) - size) :] == entries(ahead)
    assert (len(past) > size, bool(future)) == more(back)
    assert (bool(past), len(future) > size) == more(ahead)
    assert len(expected) == back["totalCount"] == ahead["totalCount"]
    if size and past:
        after = read(
            api,
            world,
            target,
            related=is_related_included,
            filter=given(world, wanted),
            after=back["pageInfo"]["endCursor"],
        )
        assert past[size:] == entries(after)


def more(page: Any) -> tuple[bool, bool]:
    """Return whether there is more after and before."""
    return page["pageInfo"]["hasNextPage"], page["pageInfo"]["hasPreviousPage"]
