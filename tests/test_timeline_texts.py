"""Bad input: whatever is stored is shown as text alone, and whatever is typed arrives, or is refused in words."""

from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import expect

from tests.owners import Owner
from tests.timeline_forms import begun_form, create, edit_form, new_form, opened
from tests.timeline_pages import MARKS, Desks
from tests.timeline_records import Customer, days_from_now

pytestmark = MARKS

SCRIPT = "<script>document.title='taken'</script><img src=x onerror=\"document.title='taken'\">"
COUNT_WRITES = """() => {
  window.writes = [];
  const write = Storage.prototype.setItem;
  Storage.prototype.setItem = function (key, value) { writes.push(value); write.call(this, key, value); };
}"""
ARABIC = "عقد الصيانة السنوي"
TEXTS = {
    "a script": SCRIPT,
    "markup": "<b>bold</b> &amp; {{7*7}} ${7*7} %s",
    "Arabic": ARABIC,
    "an override": "safe\u202egnp.exe",
    "emoji": "👩‍👩‍👧‍👦 party 🎉 🇩🇪",
    "marks": "Z̸̢̛a̴͝l̷̛g̵͠o",
    "one long word": "w" * 255,
    "a link": "javascript:document.title='taken'",
}


def named(owner: Owner, name: str) -> Customer:
    """Return a customer in whose every text this name stands."""
    customer = Customer.new(owner)
    organization, text = customer.organization, name.replace("'", "''")
    short = text[:100]
    for table, columns in (
        ("leads", ("first_name", "company")),
        ("contacts", ("first_name", "company")),
        ("users", ("first_name",)),
        ("accounts", ("account_name",)),
    ):
        values = ", ".join(f"{column} = $t${short}$t$" for column in columns)
        owner.run(f"UPDATE {table} SET {values} WHERE organization_id = '{organization.id}'")
    customer.task(name, tuple(customer.ids), description=name, outcome=name[:100], priority=name[:20], status=name[:50])
    customer.activity("call", f"{name[:250]} done", description=name, outcome=name[:100])
    return customer


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_any_stored_text_is_shown_as_it_is(desks: Desks, owner: Owner, text: str) -> None:
    customer = named(owner, text)
    desk = desks.seat(customer, size=(375, 800))

    desk.open_record("contact")
    form = edit_form(desk, text)

    expect(desk.entry(text)).to_have_count(1)
    expect(form.field("Subject")).to_have_value(text)
    expect(form.field("Description")).to_have_value(text)
    assert "taken" != desk.page.title()
    assert 0 == desk.page.locator("img[src=x], #page script, #page b").count()
    assert 0 == desk.sideways()


def test_a_name_from_right_to_left_leaves_the_page_as_it_is(desks: Desks, owner: Owner) -> None:
    customer = named(owner, ARABIC)
    desk = desks.seat(customer)

    desk.open_record("contact")

    heading = desk.page.get_by_role("heading", level=1)
    assert "rtl" == heading.evaluate("element => getComputedStyle(element).direction")
    assert "ltr" == desk.page.evaluate("getComputedStyle(document.body).direction")


@pytest.mark.parametrize("text", ["👩‍👩‍👧‍👦 party", ARABIC, SCRIPT[:120], "Ünïcödé — “quotes”"])
def test_what_is_typed_arrives_as_it_is(desks: Desks, customer: Customer, text: str) -> None:
    desk = desks.seat(customer)
    desk.open_record("contact")

    create(desk, text)

    expect(desk.entry(text)).to_be_visible()
    assert ("contact",) == customer.linked(text)


@pytest.mark.parametrize(
    ("text", "direction"), [("Call back", "ltr"), ("👩 12", "ltr"), (ARABIC, "rtl"), ("12 שלום", "rtl"), ("𞤀", "rtl")]
)
def test_a_field_is_written_in_the_direction_of_its_text(
    desks: Desks, customer: Customer, text: str, direction: str
) -> None:
    desk = desks.seat(customer)

    form = begun_form(desk, text)

    expect(form.field("Subject")).to_have_css("direction", direction)


def test_what_is_typed_in_one_go_is_kept_once(desks: Desks, customer: Customer) -> None:
    desk = desks.seat(customer)
    desk.page.clock.install()
    form = begun_form(desk, "Call")
    form.field("Description").focus()
    desk.page.clock.pause_at(datetime.now(UTC) + timedelta(minutes=1))
    desk.page.clock.run_for(1_000)
    desk.page.evaluate(COUNT_WRITES)

    desk.page.keyboard.type("A word in a long text. " * 3)
    desk.page.clock.run_for(1_000)

    assert 1 == desk.page.evaluate("writes.length")
    assert "A word in a long text. " * 3 in desk.page.evaluate("writes[0]")


def test_pasted_rich_text_arrives_as_plain_text(desks: Desks, customer: Customer) -> None:
    desk = desks.seat(customer)
    desk.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    desk.open_record("contact")
    form = new_form(desk)
    desk.page.evaluate(
        """() => navigator.clipboard.write([new ClipboardItem({
          'text/html': new Blob(['<h1 style="color:red">Big</h1><p>small</p>'], {type: 'text/html'}),
          'text/plain': new Blob(['Big\\nsmall'], {type: 'text/plain'})})])"""
    )

    form.field("Subject").click()
    desk.page.keyboard.press("ControlOrMeta+V")
    form.field("Description").click()
    desk.page.keyboard.press("ControlOrMeta+V")
    form.save("Create task")

    expect(desk.entries).to_have_count(1)
    (subject,) = desk.subjects()
    assert "Big small" == " ".join(subject.split())
    assert "Big\nsmall" == customer.stored(subject)["description"]


@pytest.mark.parametrize("length", [255, 256, 5_000])
def test_an_overlong_subject_is_refused_at_its_field_and_kept(desks: Desks, customer: Customer, length: int) -> None:
    desk = desks.seat(customer)
    desk.open_record("contact")
    form = new_form(desk)

    form.field("Subject").fill("s" * length)
    form.press("Create task")

    if length == 255:
        expect(desk.entry("s" * length)).to_be_visible()
    else:
        form.expect_problem("Subject", "255")
        expect(form.field("Subject")).to_have_value("s" * length)


def test_an_overlong_outcome_is_refused_at_its_field_and_kept(desks: Desks, customer: Customer) -> None:
    customer.task("Call")
    desk = desks.seat(customer)
    desk.open_record("contact")
    desk.act("Call", "Complete task")
    form = opened(desk, "Complete task")

    form.field("Outcome").fill("o" * 101)
    form.press("Complete task")

    form.expect_problem("Outcome", "100")
    expect(form.field("Outcome")).to_have_value("o" * 101)
    assert "pending" == customer.stored("Call")["status"]


@pytest.mark.parametrize("due", ["0001-01-01 00:00:00+00", "1900-01-01 00:00:00+00", "9999-12-31 23:59:59+00"])
def test_a_date_far_away_is_shown_and_kept(desks: Desks, customer: Customer, due: str) -> None:
    customer.task("Call", scheduled_at=due)
    before = customer.stored("Call")["scheduled_at"]
    desk = desks.seat(customer)
    desk.open_record("contact")

    form = edit_form(desk, "Call")
    form.field("Subject").fill("Call again")
    form.save("Save")

    expect(desk.entry("Call again")).to_be_visible()
    assert before == customer.stored("Call again")["scheduled_at"]


@pytest.mark.parametrize("day", ["9999-12-30", "0001-01-02"])
def test_a_date_far_away_can_be_chosen(desks: Desks, customer: Customer, day: str) -> None:
    desk = desks.seat(customer, time_zone="UTC")
    form = begun_form(desk, "Call")

    form.field("Due date").fill(day)
    form.save("Create task")

    assert str(customer.stored("Call")["scheduled_at"]).startswith(day)


@pytest.mark.parametrize("day", ["9999-12-31", "0001-01-01", "12026-03-01"])
def test_a_date_that_nobody_can_keep_is_refused_at_its_field(desks: Desks, customer: Customer, day: str) -> None:
    """In some zone or other these days lie outside of the years that the API keeps."""
    desk = desks.seat(customer)
    form = begun_form(desk, "Call")

    form.field("Due date").fill(day)
    form.press("Create task")

    form.expect_problem("Due date", "year from 1 to 9999")
    assert 0 == desk.asked("CreateTask")


@pytest.mark.parametrize("search", ["%", "_", "\\", "' OR 1=1 --", "🎉", ARABIC, SCRIPT, "a" * 500])
def test_any_search_is_answered(desks: Desks, customer: Customer, search: str) -> None:
    desk = desks.seat(customer)
    desk.open()

    desk.search.fill(search)
    expect(desk.page.get_by_role("status").filter(has_text="Nothing found")).to_be_visible()
    desk.find("cor", "Cora Berg")


def test_old_rows_without_any_words_are_shown(desks: Desks, customer: Customer) -> None:
    """As the old application left them: no subject, a sort that nobody knows, no status."""
    customer.organization.task(
        subject=None,
        interaction_type="fax",
        status=None,
        completed_at=days_from_now(-1),
        contact_id=customer.ids["contact"],
    )
    desk = desks.seat(customer)

    desk.open_record("contact")

    expect(desk.entries).to_have_count(1)
    assert ["Other"] == desk.subjects()
