"""createTask: what is stored and answered."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from resolvers.viewers import Role, Viewer
from tests.apis import Api
from tests.new_tasks import create, stored
from tests.organizations import Organization

LONG_AGO, FAR_AHEAD = "2001-02-03T04:05:06Z", "2999-02-03T04:05:06.789012Z"


def created(api: Api, organization: Organization, **fields: object) -> Any:
    """Create a task for a new contact and return it."""
    payload = create(api, organization.viewer(), **{"contactId": str(organization.contact())} | fields)
    assert payload["errors"] == []
    return payload["task"]


@pytest.fixture
def links(organization: Organization) -> dict[str, str]:
    """A lead, a contact and its account, as input fields."""
    contact = organization.contact()
    found = {"leadId": organization.lead(), "contactId": contact, "accountId": organization.account(contact)}
    return {name: str(id_) for name, id_ in found.items()}


@pytest.mark.parametrize(
    "names",
    [
        ["leadId"],
        ["contactId"],
        ["accountId"],
        ["leadId", "contactId"],
        ["leadId", "accountId"],
        ["contactId", "accountId"],
        ["leadId", "contactId", "accountId"],
    ],
    ids="+".join,
)
def test_a_task_can_hang_on_any_records(
    api: Api, organization: Organization, links: dict[str, str], names: list[str]
) -> None:
    chosen = {name: links[name] for name in names}

    task = create(api, organization.viewer(), **chosen)["task"]

    assert {name: chosen.get(name) for name in links} == {name: task[name] for name in links}
    assert list(chosen.values()) == [link["recordId"] for link in task["links"]]
    assert not task["isOrphan"]
    (row,) = stored(organization)
    assert [chosen.get(name) for name in links] == [row["lead_id"], row["contact_id"], row["account_id"]]


def test_defaults_are_those_of_a_task_for_oneself_without_a_date(api: Api, organization: Organization) -> None:
    me = {"id": str(organization.user_id)}

    task = created(api, organization)

    assert ("TASK", "PENDING", "MEDIUM") == (task["kind"], task["status"], task["priority"])
    assert (None, None, None) == (task["dueAt"], task["completedAt"], task["description"])
    assert (me, me) == (task["assignee"], task["createdBy"])


@pytest.mark.parametrize(
    ("due_at", "status", "is_overdue"), [(FAR_AHEAD, "SCHEDULED", False), (LONG_AGO, "PENDING", True)]
)
def test_a_task_is_scheduled_when_due_ahead_and_pending_otherwise(
    api: Api, organization: Organization, due_at: str, status: str, is_overdue: bool
) -> None:
    task = created(api, organization, dueAt=due_at)

    assert (due_at, due_at, status, is_overdue) == (
        task["dueAt"],
        task["occursAt"],
        task["status"],
        task["isOverdue"],
    )


def test_a_due_date_with_an_offset_is_answered_in_utc(api: Api, organization: Organization) -> None:
    assert "2026-02-10T10:00:00Z" == created(api, organization, dueAt="2026-02-10T15:30:00+05:30")["dueAt"]


def test_each_field_is_kept(api: Api, organization: Organization) -> None:
    colleague = str(organization.user())

    task = created(api, organization, description=" a\nb ", priority="HIGH", assigneeId=colleague, dueAt=FAR_AHEAD)

    assert (" a\nb ", "HIGH", {"id": colleague}) == (task["description"], task["priority"], task["assignee"])
    assert {"id": str(organization.user_id)} == task["createdBy"]


@pytest.mark.parametrize("fields", [{"priority": None, "description": None, "dueAt": None, "assigneeId": None}, {}])
def test_null_means_the_same_as_absent(api: Api, organization: Organization, fields: dict[str, None]) -> None:
    task = created(api, organization, leadId=None, accountId=None, **fields)

    assert ("MEDIUM", {"id": str(organization.user_id)}) == (task["priority"], task["assignee"])


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("  Call \n\t", "Call"),
        ("\u00a0\u2003Appelle Zoé\u3000", "Appelle Zoé"),
        ("x" * 255, "x" * 255),
        ("  " + "😀" * 255 + "  ", "😀" * 255),  # characters, not bytes
        ("'; DROP TABLE leads; -- \\ % _ $1", "'; DROP TABLE leads; -- \\ % _ $1"),
    ],
)
def test_a_subject_is_trimmed_and_kept(api: Api, organization: Organization, given: str, kept: str) -> None:
    assert kept == created(api, organization, subject=given)["subject"]


def test_the_row_is_what_old_readers_expect(api: Api, organization: Organization) -> None:
    task = created(api, organization, dueAt=FAR_AHEAD, priority="LOW", subject="Call back")

    (row,) = stored(organization)
    assert {
        "id": task["id"],
        "interaction_type": "task",
        "status": "scheduled",
        "priority": "low",
        "subject": "Call back",
        "user_id": str(organization.user_id),
        "created_by": str(organization.user_id),
        "organization_id": str(organization.id),
        "completed_at": None,
        "outcome": None,
    }.items() <= row.items()
    assert row["created_at"]
    assert row["updated_at"]


@pytest.mark.parametrize("name", ["leadId", "contactId", "accountId"])
def test_the_old_history_has_a_created_event(
    api: Api, organization: Organization, links: dict[str, str], name: str
) -> None:
    task = create(api, organization.viewer(), **{name: links[name]})["task"]

    events = organization.owner.rows(f"SELECT * FROM interaction_events WHERE interaction_id = '{task['id']}'")
    assert [("created", str(organization.user_id), str(organization.id))] == [
        (event["event_type"], event["changed_by"], event["organization_id"]) for event in events
    ]


def test_the_new_task_can_be_fetched_again(api: Api, organization: Organization) -> None:
    task = created(api, organization)

    found = api.data(organization.viewer(), "query ($id: ID!) { task(id: $id) { id version } }", id=task["id"])

    assert {"id": task["id"], "version": task["version"]} == found["task"]


def test_somebody_who_is_no_user_here_can_assign_to_a_colleague(api: Api, organization: Organization) -> None:
    stranger = Viewer(uuid4(), organization.id, Role.USER)
    colleague = str(organization.user_id)

    task = create(api, stranger, contactId=str(organization.contact()), assigneeId=colleague)["task"]

    assert ({"id": colleague}, None) == (task["assignee"], task["createdBy"])


@pytest.mark.parametrize("due_at", ["9999-12-31T23:59:59.999999Z", "0001-01-01T00:00:00Z", "9999-12-31T23:00:00+01:00"])
def test_the_first_and_the_last_year_can_be_due(api: Api, organization: Organization, due_at: str) -> None:
    given = datetime.fromisoformat(due_at)

    assert given == datetime.fromisoformat(created(api, organization, dueAt=due_at)["dueAt"])


def test_clients_get_their_own_text_back(api: Api, organization: Organization) -> None:
    payloads = [
        create(api, organization.viewer(), contactId=str(organization.contact()), clientMutationId="a ✓"),
        create(api, organization.viewer(), clientMutationId="b"),
        create(api, organization.viewer(), clientMutationId=None),
    ]

    assert ["a ✓", "b", None] == [payload["clientMutationId"] for payload in payloads]


def test_creating_moves_the_leads_next_follow_up(api: Api, organization: Organization) -> None:
    lead = organization.lead()
    due = datetime.now(UTC).replace(microsecond=0) + timedelta(days=3)

    create(api, organization.viewer(), leadId=str(lead), dueAt=due.isoformat())

    (row,) = organization.owner.rows(f"SELECT next_follow_up FROM leads WHERE id = '{lead}'")
    assert due == datetime.fromisoformat(row["next_follow_up"])
