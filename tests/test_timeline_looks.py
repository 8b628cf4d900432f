"""The timeline at any size: nothing is wider than its window or too small to hit, and paper shows what paper can."""

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.timeline_forms import new_form
from tests.timeline_pages import MARKS, Desk, Desks
from tests.timeline_records import Customer, days_from_now

pytestmark = MARKS

# The narrowest that WCAG asks for, a telephone, and a laptop of 1280 x 720 at 200 %.
NARROW = [(320, 640), (375, 720), (640, 360)]
# A laptop of 1440 x 900 without the browser's own bars.
LAPTOP = (1440, 800)
# WCAG 2.2, success criterion 2.5.8: what can be pressed is as large as this each way.
TARGET_PX = 24

WIDER = """() => Math.max(...[document.documentElement, ...document.querySelectorAll('dialog[open]')]
  .map(box => box.scrollWidth - box.clientWidth))"""
SMALL = """least => [...document.querySelectorAll('button, [role=tab], .chip[href], select, input, .role-switch label')]
  .filter(each => each.checkVisibility() && !each.matches('.role-switch input, [type=checkbox], [type=radio]'))
  .filter(each => each.getBoundingClientRect().height < least || each.getBoundingClientRect().width < least)
  .map(each => each.outerHTML)"""
OVERLAP = """entry => {
  const [one, ...others] = [".entry__actions", ".badge", ".entry__text-box > button"]
    .map(each => entry.querySelector(each).getBoundingClientRect());
  return others.some(other => one.left < other.right && other.left < one.right &&
    one.top < other.bottom && other.top < one.bottom);
}"""
# Pixels are shared by rounding; less than one of them takes no click from a neighbour.
TOUCHING = """entries => {
  const boxes = entries.flatMap(entry => [...entry.querySelectorAll("button, a")])
    .map(each => [each.getAttribute("aria-label") ?? each.textContent, each.getBoundingClientRect()]);
  return boxes.flatMap(([name, one], place) => boxes.slice(place + 1)
    .filter(([, other]) => Math.min(one.right, other.right) - Math.max(one.left, other.left) >= 1 &&
      Math.min(one.bottom, other.bottom) - Math.max(one.top, other.top) >= 1)
    .map(([other]) => `${name} and ${other}`));
}"""
PLACES = "boxes => boxes.map(each => each.getBoundingClientRect()).map(({top, left}) => [top, left])"
UNMARKED = """() => {
  const focused = document.activeElement;
  const shown = focused.closest('.role-switch label') ?? focused;
  return getComputedStyle(shown).outlineStyle === 'none' ? focused.outerHTML : null;
}"""


@pytest.fixture
def busy(customer: Customer) -> Customer:
    """A customer with tasks of all kinds, texts long and short, and calls."""
    customer.task("Renew before winter", tuple(customer.ids), priority="high", scheduled_at=days_from_now(-3))
    customer.task("Call about the second site", description="A word. " * 60, scheduled_at=days_from_now(1))
    customer.task("Ask for a reference", priority="low")
    customer.activities(30)
    return customer


def nothing(_desk: Desk) -> None:
    """Look at what is there."""


def filters(desk: Desk) -> None:
    desk.page.get_by_role("button", name="Filters").click()


def form(desk: Desk) -> None:
    new_form(desk)


@pytest.mark.parametrize("size", NARROW, ids=str)
@pytest.mark.parametrize("do", [nothing, filters, form])
def test_nothing_is_wider_than_a_narrow_window(
    desks: Desks, busy: Customer, size: tuple[int, int], do: Callable[[Desk], None]
) -> None:
    desk = desks.seat(busy, size=size)
    desk.open_record("contact")

    do(desk)

    assert 0 >= desk.page.evaluate(WIDER)


def test_choices_on_a_second_line_stand_below_those_of_the_first(desks: Desks, busy: Customer) -> None:
    desk = desks.seat(busy, size=(640, 360))
    desk.open_record("contact")

    filters(desk)

    places = desk.page.get_by_role("group", name="Status").get_by_role("checkbox").evaluate_all(PLACES)
    tops, lefts = {top for top, _ in places}, [left for _, left in places]
    assert 2 == len(tops)
    assert lefts[0] == min(lefts)


@pytest.mark.parametrize("size", [(375, 720), LAPTOP], ids=str)
def test_what_can_be_pressed_is_large_enough(desks: Desks, busy: Customer, size: tuple[int, int]) -> None:
    desk = desks.seat(busy, size=size)

    desk.open_record("contact")

    assert [] == desk.page.evaluate(SMALL, TARGET_PX)


@pytest.mark.parametrize("width", [320, 375])
def test_buttons_and_due_dates_stand_beside_each_other_on_a_telephone(
    desks: Desks, customer: Customer, width: int
) -> None:
    customer.task("Call", scheduled_at=days_from_now(-400), description="Much to say. " * 30)
    desk = desks.seat(customer, size=(width, 720))
    desk.open_record("contact")

    desk.page.keyboard.press("j")

    assert not desk.entry("Call").evaluate(OVERLAP)


@pytest.mark.parametrize("width", [375, 620, 768, 1280])
def test_no_two_things_to_press_overlap(desks: Desks, customer: Customer, width: int) -> None:
    for kinds in (("contact",), tuple(customer.ids)):
        customer.task(f"One line for {len(kinds)}", kinds, description="il" * 46, scheduled_at=days_from_now(-2))
        customer.task(f"Many lines for {len(kinds)}", kinds, description="Much to say. " * 30)
    desk = desks.seat(customer, size=(width, 900))
    desk.open_record("contact")

    assert 4 == desk.page.get_by_role("button", name="More").count()
    assert [] == desk.entries.evaluate_all(TOUCHING)


@pytest.mark.parametrize("name", ["All", "Completed"])
def test_the_chosen_tab_is_in_sight_on_a_telephone(desks: Desks, customer: Customer, name: str) -> None:
    customer.organization.tasks([{"scheduled_at": days_from_now(-1), "contact_id": customer.ids["contact"]}] * 1_100)
    desk = desks.seat(customer, size=(375, 720))

    desk.open(f"?tab={name.lower()}")

    expect(desk.tab("Overdue")).to_contain_text("1,100")
    expect(desk.tab(name)).to_be_in_viewport(ratio=0.99)  # a fraction of a pixel may be beyond the edge
    assert 0 == desk.page.evaluate("scrollY")


def test_whoever_has_the_focus_is_marked(desks: Desks, busy: Customer) -> None:
    desk = desks.seat(busy)
    desk.open_record("contact")

    unmarked = []
    for _ in range(40):
        desk.page.keyboard.press("Tab")
        unmarked.append(desk.page.evaluate(UNMARKED))

    assert {None} == set(unmarked)


def test_a_laptop_shows_ten_entries(desks: Desks, customer: Customer) -> None:
    customer.activities(30)
    desk = desks.seat(customer, size=LAPTOP)

    desk.open_record("contact")

    bottoms = desk.entries.evaluate_all("entries => entries.map(each => each.getBoundingClientRect().bottom)")
    assert 10 <= sum(bottom <= LAPTOP[1] for bottom in bottoms)


def test_paper_shows_no_control_and_exact_times(desks: Desks, busy: Customer) -> None:
    desk = desks.seat(busy)
    desk.open_record("contact")

    desk.page.emulate_media(media="print")

    expect(desk.page.get_by_role("button").filter(visible=True)).to_have_count(0)
    when = desk.entry("Call 1").locator("time")
    printed = when.evaluate("time => getComputedStyle(time, '::after').content")
    assert f'"{when.get_attribute("title")}"' == printed
    due = desk.entry("Call about the second site").locator("time")
    printed = due.evaluate("time => getComputedStyle(time, '::after').content")
    assert f'"Due {due.get_attribute("title")}"' == printed
