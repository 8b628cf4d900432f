"""The task form in a browser, filled in with the mouse or by keys alone."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from playwright.sync_api import Locator, Page, expect

from tests.timeline_pages import Desk
from tests.timeline_records import NAMES

# More than any form has: who must press Tab more often than this will never arrive.
MOST_TABS = 60
LABEL_OF_FOCUS = """() => {
  const focused = document.activeElement;
  return focused?.labels?.[0]?.innerText ?? focused?.getAttribute('aria-label') ?? focused?.innerText ?? '';
}"""


@dataclass(frozen=True, slots=True)
class Form:
    """An open form."""

    page: Page
    dialog: Locator

    def field(self, label: str) -> Locator:
        return self.dialog.locator("input, textarea").and_(self.dialog.get_by_label(label, exact=True))

    def pick(self, label: str, name: str) -> None:
        """Find somebody by the first letters of their name, and choose them with the mouse."""
        self.field(label).fill(name[:4])
        self.dialog.get_by_role("option").filter(has_text=name).first.click()
        expect(self.field(label)).to_have_value(name)

    def remove(self, label: str) -> None:
        """Take away what a field has chosen."""
        self.dialog.get_by_role("button", name=f"Remove {label.lower()}").click()
        expect(self.field(label)).to_have_value("")

    def save(self, label: str) -> None:
        """Press the button of this name, and return once the form has gone."""
        self.press(label)
        expect(self.dialog).to_have_count(0)

    def press(self, label: str) -> None:
        self.dialog.get_by_role("button", name=label, exact=True).click()

    def expect_problem(self, label: str, text: str) -> None:
        """Fail unless a field counts as wrong, and is described by words that say why."""
        expect(self.field(label)).to_have_attribute("aria-invalid", "true")
        expect(self.field(label)).to_have_accessible_description(re.compile(text))

    # -- By keys alone

    def tab_to(self, label: str) -> None:
        """Press Tab until this field or button has the focus."""
        for _ in range(MOST_TABS):
            if " ".join(self.page.evaluate(LABEL_OF_FOCUS).split()) == label:
                return
            self.page.keyboard.press("Tab")
        raise AssertionError(f"Tab never leads to {label}")

    def type_into(self, label: str, text: str) -> None:
        self.tab_to(label)
        self.page.keyboard.type(text)

    def pick_by_keys(self, label: str, name: str) -> None:
        self.type_into(label, name[:4])
        expect(self.dialog.get_by_role("option").filter(has_text=name)).to_have_attribute("aria-selected", "true")
        self.page.keyboard.press("Enter")
        expect(self.field(label)).to_have_value(name)


def new_form(desk: Desk) -> Form:
    desk.page.get_by_role("button", name="New task").first.click()
    return opened(desk, "New task")


def begun_form(desk: Desk, subject: str) -> Form:
    """Open the contact's timeline, and on it a new task with this subject, not yet sent."""
    desk.open_record("contact")
    form = new_form(desk)
    form.field("Subject").fill(subject)
    return form


def edit_form(desk: Desk, subject: str) -> Form:
    desk.act(subject, "Edit task")
    return opened(desk, "Edit task")


def opened(desk: Desk, title: str) -> Form:
    dialog = desk.page.get_by_role("dialog", name=title)
    dialog.wait_for()
    return Form(desk.page, dialog)


def create(desk: Desk, subject: str, kinds: Iterable[str] = ()) -> None:
    """Create a task with the mouse, linked to records of these kinds beside what is linked from the start."""
    form = new_form(desk)
    form.field("Subject").fill(subject)
    for kind in kinds:
        form.pick(kind.capitalize(), NAMES[kind])
    form.save("Create task")


def complete(desk: Desk, subject: str, *, outcome: str = "") -> None:
    desk.act(subject, "Complete task")
    form = opened(desk, "Complete task")
    form.field("Outcome").fill(outcome)
    form.save("Complete task")
