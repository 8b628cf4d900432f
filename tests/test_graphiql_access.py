"""Everybody can use GraphiQL: axe finds nothing that is ours to mend, and a telephone shows question and answer."""

from typing import Literal

import pytest
from playwright.sync_api import FloatRect, Locator

from tests.accessibility import Judge
from tests.timeline_pages import MARKS, Desk, Desks
from tests.timeline_records import Customer

pytestmark = MARKS

# What only GraphiQL's own markup could mend, for which it has no setting.
# Each of its tabs holds two buttons, one to open it and one to close it.
TABS = {
    "nested-interactive: .graphiql-tab-active",
    *(f"nested-interactive: li:nth-child({place})" for place in (2, 3, 4)),
}
# The Explorer names neither its choice of what to add nor the field for the value of `first`.
EXPLORER = {"select-name: select", 'label: input[type="text"]'}

# The narrowest that WCAG asks for, and a telephone.
NARROW = [(320, 640), (375, 720)]
LEAST_PX = 280


def opened(desk: Desk) -> Desk:
    """Open GraphiQL, and return once the first example is there in its colors."""
    desk.page.goto(f"{desk.address}/graphiql")
    desk.page.get_by_role("button", name="Execute").wait_for()
    desk.page.locator(".view-line span > span:not(.mtk1)", has_text="query").first.wait_for()
    return desk


def show_docs(desk: Desk) -> None:
    desk.page.get_by_role("button", name="Show Documentation Explorer").click()
    desk.page.get_by_role("link", name="Mutation", exact=True).wait_for()


def show_fields(desk: Desk) -> None:
    """Show a type in the opened Docs, with its fields, their arguments and what is said of them."""
    desk.page.get_by_role("link", name="Query", exact=True).click()
    desk.page.get_by_role("link", name="searchRecords", exact=True).wait_for()


def show_explorer(desk: Desk) -> None:
    desk.page.get_by_role("button", name="Show GraphiQL Explorer").click()
    desk.page.locator(".graphiql-explorer-timeline").first.wait_for()


def faults(judge: Judge, desk: Desk) -> set[str]:
    """Return what axe finds, without its explanations unless something of ours is to be mended."""
    known = TABS | EXPLORER
    return {
        next((each for each in known if line.startswith(f"{each}: ")), line) for line in judge.violations(desk.page)
    }


def box(part: Locator) -> FloatRect:
    found = part.bounding_box()
    assert found is not None
    return found


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_only_what_is_graphiqls_own(
    desks: Desks, customer: Customer, judge: Judge, scheme: Literal["light", "dark"]
) -> None:
    desk = opened(desks.seat(customer, scheme=scheme))

    assert faults(judge, desk) == TABS
    show_docs(desk)
    assert faults(judge, desk) == TABS
    show_fields(desk)
    assert faults(judge, desk) == TABS
    show_explorer(desk)
    assert faults(judge, desk) == TABS | EXPLORER


@pytest.mark.parametrize("size", NARROW, ids=str)
def test_a_telephone_shows_the_answer_below_the_editor(desks: Desks, customer: Customer, size: tuple[int, int]) -> None:
    desk = opened(desks.seat(customer, size=size))

    editor = box(desk.page.get_by_role("region", name="Operation Editor").locator(".monaco-editor").first)
    answer = box(desk.page.get_by_label("Result Window"))

    assert LEAST_PX <= min(editor["width"], answer["width"])
    assert min(editor["x"], answer["x"]) >= 0
    assert size[0] >= max(part["x"] + part["width"] for part in (editor, answer))
    assert answer["y"] >= editor["y"] + editor["height"]


@pytest.mark.parametrize("size", NARROW, ids=str)
def test_nothing_is_wider_than_a_telephone(desks: Desks, customer: Customer, size: tuple[int, int]) -> None:
    desk = opened(desks.seat(customer, size=size))

    wider = [desk.sideways()]
    for show in (show_docs, show_explorer):
        show(desk)
        wider.append(desk.sideways())

    assert [0, 0, 0] == wider
