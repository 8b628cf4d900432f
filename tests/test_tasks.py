"""Tasks as they are read: what stored values mean, and in which order a list shows them."""

from typing import Any
from uuid import UUID

import pytest

from tests.apis import Api
from tests.organizations import Organization

TASK = """
query ($id: ID!) { task(id: $id) {
  kind subject description outcome status priority dueAt completedAt occursAt createdAt updatedAt
  isOverdue isOrphan version
  lead { displayName } contact { displayName } account { displayName name } leadId contactId accountId
  assignee { displayName } createdBy { displayName }
  links { kind state } allLinks: links(includeLost: true) { kind state recordId label lostAt record { id } } } }"""
LIST = "{ tasks(first: 200) { totalCount nodes { id dueAt } } }"

AHEAD, PAST = "2999-01-01T00:00:00Z", "2001-01-01T00:00:00Z"


def read(api: Api, organization: Organization, id_: UUID) -> Any:
    return api.data(organization.viewer(), TASK, id=str(id_))["task"]


def test_a_task_shows_what_is_stored(api: Api, organization: Organization) -> None:
    colleague = organization.user(first_name="Olga", last_name="Owner")
    lead = organization.lead()
    id_ = organization.task(
        lead_id=lead,
        subject="Call",
        description="At noon",
        outcome="Voicemail",
        status="completed",
        priority="high",
        scheduled_at=PAST,
        completed_at="2001-01-02T00:00:00.000001Z",
        created_at="2000-12-31T00:00:00Z",
        updated_at="2001-01-03T00:00:00Z",
        created_by=colleague,
    )

    task = read(api, organization, id_)

    assert {
        "kind": "TASK",
        "subject": "Call",
        "description": "At noon",
        "outcome": "Voicemail",
        "status": "COMPLETED",
        "priority": "HIGH",
        "dueAt": PAST,
        "completedAt": "2001-01-02T00:00:00.000001Z",
        "occursAt": "2001-01-02T00:00:00.000001Z",
        "createdAt": "2000-12-31T00:00:00Z",
        "updatedAt": "2001-01-03T00:00:00Z",
        "isOverdue": False,
        "isOrphan": False,
        "lead": {"displayName": "Lea Lead"},
        "leadId": str(lead),
        "assignee": {"displayName": "Una User"},
        "createdBy": {"displayName": "Olga Owner"},
    }.items() <= task.items()


def test_words_that_nobody_knows_read_unknown(api: Api, organization: Organization) -> None:
    strange = organization.task(status="waiting for Godot", priority="asap")
    empty = organization.task(status=None, priority=None, subject=None)

    assert ("UNKNOWN", "UNKNOWN") == tuple(read(api, organization, strange)[name] for name in ("status", "priority"))
    task = read(api, organization, empty)
    assert ("UNKNOWN", "UNKNOWN", "") == (task["status"], task["priority"], task["subject"])
    assert (None, None, None) == (task["dueAt"], task["description"], task["createdBy"])


@pytest.mark.parametrize(
    ("status", "due_at", "is_overdue"),
    [
        ("pending", PAST, True),
        ("scheduled", PAST, True),
        ("pending", AHEAD, False),
        ("scheduled", AHEAD, False),
        ("pending", None, False),
        ("completed", PAST, False),
        ("cancelled", PAST, False),
        (None, PAST, False),
        ("waiting", PAST, False),
        ("pending", "-infinity", True),
        ("pending", "infinity", False),
    ],
)
def test_overdue_is_open_and_due_in_the_past(
    api: Api, organization: Organization, status: str | None, due_at: str | None, is_overdue: bool
) -> None:
    id_ = organization.task(status=status, scheduled_at=due_at)

    assert is_overdue is read(api, organization, id_)["isOverdue"]


@pytest.mark.parametrize(
    ("times", "occurs_at"),
    [
        ((AHEAD, PAST, "2020-01-01Z"), PAST),
        ((AHEAD, None, "2020-01-01Z"), AHEAD),
        ((None, None, "2020-01-01T00:00:00Z"), "2020-01-01T00:00:00Z"),
        ((None, None, None), "0001-01-01T00:00:00Z"),
        (("infinity", None, None), "9999-12-31T23:59:59.999999Z"),
        (("-infinity", None, None), "0001-01-01T00:00:00Z"),
        (("4000-01-01 BC", None, None), "0001-01-01T00:00:00Z"),
        (("20000-01-01", None, None), "9999-12-31T23:59:59.999999Z"),
    ],
)
def test_a_task_occurs_when_done_else_when_due_else_when_recorded(
    api: Api, organization: Organization, times: tuple[str | None, ...], occurs_at: str
) -> None:
    id_ = organization.task(scheduled_at=times[0], completed_at=times[1], created_at=times[2])

    assert occurs_at == read(api, organization, id_)["occursAt"]


def test_links_are_listed_in_the_order_lead_contact_account(api: Api, organization: Organization) -> None:
    contact = organization.contact()
    ids = [organization.lead(), contact, organization.account(contact)]
    id_ = organization.task(account_id=ids[2], contact_id=ids[1], lead_id=ids[0])

    task = read(api, organization, id_)

    kinds, labels = ["LEAD", "CONTACT", "ACCOUNT"], ["Lea Lead", "Cora Contact", "Acme"]
    assert [{"kind": kind, "state": "LINKED"} for kind in kinds] == task["links"]
    assert [
        {
            "kind": kind,
            "state": "LINKED",
            "recordId": str(id_),
            "label": label,
            "lostAt": None,
            "record": {"id": str(id_)},
        }
        for kind, label, id_ in zip(kinds, labels, ids, strict=True)
    ] == task["allLinks"]


def test_a_deleted_account_is_a_lost_link(api: Api, organization: Organization) -> None:
    account = organization.account(organization.contact(), deleted_at="2026-05-12T00:00:00Z")
    id_ = organization.task(account_id=account)

    task = read(api, organization, id_)

    assert (None, str(account), [], True) == (task["account"], task["accountId"], task["links"], task["isOrphan"])
    assert [
        {
            "kind": "ACCOUNT",
            "state": "LOST",
            "recordId": str(account),
            "label": "Acme",
            "lostAt": "2026-05-12T00:00:00Z",
            "record": None,
        }
    ] == task["allLinks"]


def test_another_link_keeps_a_task_from_being_an_orphan(api: Api, organization: Organization) -> None:
    contact = organization.contact()
    id_ = organization.task(account_id=organization.account(contact, deleted_at="now"), contact_id=contact)

    task = read(api, organization, id_)

    assert not task["isOrphan"]
    assert [("CONTACT", "LINKED"), ("ACCOUNT", "LOST")] == [(link["kind"], link["state"]) for link in task["allLinks"]]


def test_undeleting_an_account_brings_the_link_back(api: Api, organization: Organization) -> None:
    account = organization.account(organization.contact(), deleted_at="now")
    id_ = organization.task(account_id=account)

    organization.owner.run(f"UPDATE accounts SET deleted_at = NULL WHERE id = '{account}'")

    task = read(api, organization, id_)
    assert (False, {"displayName": "Acme", "name": "Acme"}) == (task["isOrphan"], task["account"])


@pytest.mark.parametrize("table", ["leads", "contacts"])
def test_a_task_outlives_its_record_as_an_orphan(api: Api, organization: Organization, table: str) -> None:
    contact = organization.contact()
    record = contact if table == "contacts" else organization.lead()
    id_ = organization.task(**{f"{table.removesuffix('s')}_id": record})

    organization.owner.run(f"DELETE FROM {table} WHERE id = '{record}'")

    task = read(api, organization, id_)
    assert (True, [], None, None) == (task["isOrphan"], task["links"], task["leadId"], task["contactId"])


def test_a_task_that_never_had_a_link_is_an_orphan(api: Api, organization: Organization) -> None:
    assert read(api, organization, organization.task())["isOrphan"]


@pytest.mark.parametrize("change", ["subject = 'x'", "subject = subject", "activity_metadata = '{}'"])
def test_any_update_by_anybody_changes_the_version(api: Api, organization: Organization, change: str) -> None:
    id_ = organization.task(contact_id=organization.contact())
    before = read(api, organization, id_)["version"]
    assert before == read(api, organization, id_)["version"]

    organization.owner.run(f"UPDATE lead_interactions SET {change} WHERE id = '{id_}'")

    assert before != read(api, organization, id_)["version"]


def test_tasks_are_in_order_of_due_date_then_id_and_those_without_come_last(
    api: Api, organization: Organization
) -> None:
    dates = [None, AHEAD, PAST, "-infinity", "infinity", "4000-01-01 BC", "20000-01-01", PAST, None, AHEAD, PAST]
    organization.tasks([{"scheduled_at": date} for date in dates])

    nodes = api.data(organization.viewer(), LIST)["tasks"]["nodes"]

    sql = f"""SELECT id FROM lead_interactions WHERE organization_id = '{organization.id}'
               ORDER BY scheduled_at NULLS LAST, id"""
    assert [row["id"] for row in organization.owner.rows(sql)] == [node["id"] for node in nodes]
    first, last = "0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z"
    assert [first, first, PAST, PAST, PAST, AHEAD, AHEAD, last, last, None, None] == [node["dueAt"] for node in nodes]


def test_only_tasks_are_listed(api: Api, organization: Organization) -> None:
    kinds = ["call", "email", "meeting", "note", "sms", "whatsapp", "Task", ""]
    organization.tasks([{"interaction_type": kind} for kind in kinds])

    assert {"totalCount": 0, "nodes": []} == api.data(organization.viewer(), LIST)["tasks"]


def test_nodes_and_edges_hold_the_same_tasks(api: Api, organization: Organization) -> None:
    organization.tasks([{"subject": str(number)} for number in range(3)])

    query = "{ tasks { nodes { id subject } edges { node { id subject } } } }"
    tasks = api.data(organization.viewer(), query)["tasks"]

    assert 3 == len(tasks["nodes"])
    assert tasks["nodes"] == [edge["node"] for edge in tasks["edges"]]
