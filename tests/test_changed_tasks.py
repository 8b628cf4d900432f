"""updateTask: absent keeps, null clears, and nothing else moves."""

from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import pytest

from resolvers.viewers import Role, Viewer
from tests.apis import Api
from tests.changed_tasks import UPDATE, events, next_follow_up, row, update, updated
from tests.organizations import Organization

LONG_AGO, FAR_AHEAD = "2001-02-03T04:05:06Z", "2999-02-03T04:05:06.789012Z"


@pytest.fixture
def links(organization: Organization) -> dict[str, UUID]:
    """A lead, a contact and its account, as columns."""
    contact = organization.contact()
    return {"lead_id": organization.lead(), "contact_id": contact, "account_id": organization.account(contact)}


@pytest.fixture
def task(organization: Organization, links: dict[str, UUID]) -> UUID:
    """A task with a value in every field."""
    return organization.task(
        **links,
        subject="Call",
        description="At noon.",
        priority="high",
        scheduled_at=LONG_AGO,
        outcome="No Answer",
    )


def test_each_field_given_is_changed_and_comes_back(api: Api, organization: Organization, task: UUID) -> None:
    colleague = str(organization.user())

    changed = updated(
        api,
        organization,
        task,
        subject="  Visit ",
        description="At one.\n",
        priority="LOW",
        dueAt=FAR_AHEAD,
        assigneeId=colleague,
    )

    assert ("Visit", "At one.\n", "LOW", FAR_AHEAD, {"id": colleague}) == (
        changed["subject"],
        changed["description"],
        changed["priority"],
        changed["dueAt"],
        changed["assignee"],
    )
    assert ("SCHEDULED", FAR_AHEAD) == (changed["status"], changed["occursAt"])


@pytest.mark.parametrize(
    ("field", "value", "column"),
    [
        ("subject", "Visit", "subject"),
        ("description", "At one.", "description"),
        ("outcome", "Successful", "outcome"),
        ("priority", "LOW", "priority"),
        ("dueAt", "2001-01-01T00:00:00Z", "scheduled_at"),
    ],
)
def test_what_is_left_out_keeps_its_value(
    api: Api, organization: Organization, task: UUID, field: str, value: str, column: str
) -> None:
    before = row(organization, task)

    updated(api, organization, task, **{field: value})

    after = row(organization, task)
    written = {"updated_at", "last_modified_by", "xmin"}
    derived = {"occurs_at"} if field == "dueAt" else set()
    assert {column} | written | derived == {name for name in after if after[name] != before[name]}
    assert str(organization.user_id) == after["last_modified_by"]


def test_null_clears_what_can_be_cleared(api: Api, organization: Organization, task: UUID) -> None:
    changed = updated(api, organization, task, description=None, outcome=None, dueAt=None, priority=None)

    assert (None, None, None, "MEDIUM", "PENDING") == (
        changed["description"],
        changed["outcome"],
        changed["dueAt"],
        changed["priority"],
        changed["status"],
    )
    assert "Call" == changed["subject"]


@pytest.mark.parametrize(
    ("status", "due_at", "expected"),
    [
        ("pending", FAR_AHEAD, "SCHEDULED"),
        ("scheduled", "2001-01-01T00:00:00Z", "PENDING"),
        ("scheduled", None, "PENDING"),
        ("completed", FAR_AHEAD, "COMPLETED"),
        ("cancelled", FAR_AHEAD, "CANCELLED"),
        ("in_progress", FAR_AHEAD, "UNKNOWN"),
        (None, FAR_AHEAD, "UNKNOWN"),
    ],
)
def test_another_due_date_derives_the_status_of_an_open_task_anew(
    api: Api, organization: Organization, status: str | None, due_at: str | None, expected: str
) -> None:
    id_ = organization.task(lead_id=organization.lead(), status=status, scheduled_at=LONG_AGO)

    assert (expected, due_at) == (
        (changed := updated(api, organization, id_, dueAt=due_at))["status"],
        changed["dueAt"],
    )


def test_the_same_due_date_leaves_the_status(api: Api, organization: Organization) -> None:
    # Old lists take only `scheduled` for open: a form that sends all its fields must not hide an overdue task there.
    id_ = organization.task(lead_id=organization.lead(), status="scheduled", scheduled_at=LONG_AGO)

    assert "SCHEDULED" == updated(api, organization, id_, dueAt=LONG_AGO, subject="Visit")["status"]


def test_links_are_set_and_removed(api: Api, organization: Organization, task: UUID) -> None:
    lead = str(organization.lead())

    changed = updated(api, organization, task, leadId=lead, contactId=None)

    assert (lead, None, {"id": lead}, None) == (
        changed["leadId"],
        changed["contactId"],
        changed["lead"],
        changed["contact"],
    )
    assert ["LEAD", "ACCOUNT"] == [link["kind"] for link in changed["links"]]


@pytest.mark.parametrize("kind", ["lead", "contact", "account"])
def test_all_links_come_back_when_another_field_changes(
    api: Api, organization: Organization, links: dict[str, UUID], kind: str
) -> None:
    id_ = organization.task(**{f"{kind}_id": links[f"{kind}_id"]})

    changed = updated(api, organization, id_, subject="Visit")

    assert {kind: str(links[f"{kind}_id"])} == {
        name: changed[f"{name}Id"] for name in ("lead", "contact", "account") if changed[f"{name}Id"]
    }
    assert [str(links[f"{kind}_id"])] == [link["recordId"] for link in changed["links"]]


def test_a_lost_account_can_stay_while_other_things_change(api: Api, organization: Organization) -> None:
    contact = organization.contact()
    account = organization.account(contact, deleted_at="now")
    id_ = organization.task(contact_id=contact, account_id=account)

    changed = updated(api, organization, id_, accountId=str(account), subject="Visit")

    assert (str(account), "Visit") == (changed["accountId"], changed["subject"])


def test_an_orphan_can_be_changed_and_linked_again(api: Api, organization: Organization) -> None:
    id_ = organization.task(contact_id=organization.contact())
    organization.owner.run(f"UPDATE lead_interactions SET contact_id = NULL WHERE id = '{id_}'")
    lead = str(organization.lead())

    assert (True, "Visit") == (
        (changed := updated(api, organization, id_, subject="Visit", contactId=None))["isOrphan"],
        changed["subject"],
    )
    assert (False, lead) == ((changed := updated(api, organization, id_, leadId=lead))["isOrphan"], changed["leadId"])


@pytest.mark.parametrize("fields", [{}, {"subject": " Call "}, {"priority": "HIGH", "dueAt": LONG_AGO}], ids=str)
def test_nothing_is_written_when_nothing_differs(
    api: Api, organization: Organization, task: UUID, fields: dict[str, str]
) -> None:
    before = row(organization, task)

    payload = update(api, organization, task, **fields, leadId=before["lead_id"], assigneeId=before["user_id"])

    assert ([], True, before["xmin"]) == (payload["errors"], payload["replayed"], payload["task"]["version"])
    assert before == row(organization, task)
    assert [] == events(organization, task)


@pytest.mark.parametrize("given", ["", None])
def test_an_empty_description_of_the_old_application_counts_as_none(
    api: Api, organization: Organization, given: str | None
) -> None:
    id_ = organization.task(lead_id=organization.lead(), description="")

    assert update(api, organization, id_, description=given)["replayed"]


def test_a_change_takes_one_statement_and_a_refusal_two(api: Api, organization: Organization, task: UUID) -> None:
    def cost(**fields: object) -> int:
        answer = api.ask(UPDATE, {"input": {"id": str(task)} | fields}, viewer=organization.viewer()).json()
        return int(answer["extensions"]["cost"]["statements"])

    # What the payload shows of the row's relations takes four more.
    assert (5, 2, 0) == (cost(subject="Visit"), cost(leadId=str(uuid4())), cost(subject=""))


@pytest.mark.parametrize(
    ("field", "event"),
    [("priority", "priority_changed"), ("dueAt", "date_changed"), ("assigneeId", "reassigned")],
)
def test_the_old_history_says_what_was_changed_and_by_whom(
    api: Api, organization: Organization, task: UUID, field: str, event: str
) -> None:
    values = {"priority": "LOW", "dueAt": FAR_AHEAD, "assigneeId": str(organization.user())}

    updated(api, organization, task, **{field: values[field]})

    assert [(event, str(organization.user_id))] == events(organization, task)


def test_a_machine_that_is_no_user_here_changes_tasks_without_a_name(
    api: Api, organization: Organization, task: UUID
) -> None:
    machine = Viewer(uuid4(), organization.id, Role.USER)

    payload = api.data(machine, UPDATE, input={"id": str(task), "subject": "Visit"})["updateTask"]

    assert [] == payload["errors"]
    assert row(organization, task)["last_modified_by"] is None


def test_the_leads_next_follow_up_follows_the_due_date(api: Api, organization: Organization, task: UUID) -> None:
    lead = UUID(row(organization, task)["lead_id"])

    updated(api, organization, task, dueAt=FAR_AHEAD)
    ahead = next_follow_up(organization, lead)
    updated(api, organization, task, dueAt=None)

    assert datetime.fromisoformat(FAR_AHEAD) == datetime.fromisoformat(str(ahead))
    assert next_follow_up(organization, lead) is None


@pytest.mark.parametrize(
    "text",
    [
        "😀👩‍👩‍👧 Zoé",
        "tab\tbell\a escape\x1b end",
        "'; DROP TABLE leads; -- \\ % _ $1",
        "\u202eright to left",
        "x" * 255,
    ],
    ids=["emoji", "control", "sql", "bidi", "long"],
)
def test_texts_come_back_as_sent(api: Api, organization: Organization, task: UUID, text: str) -> None:
    changed: Any = updated(api, organization, task, subject=text, description=text)

    assert (text, text) == (changed["subject"], changed["description"])
