"""createTask: what is stored, and how each bad input is refused."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from resolvers.viewers import Role, Viewer
from tests.apis import Api
from tests.organizations import Organization, new_organization

CREATE = """
mutation ($input: CreateTaskInput!) { createTask(input: $input) {
  task { id kind subject description status priority dueAt completedAt occursAt isOverdue isOrphan version
         leadId contactId accountId assignee { id } createdBy { id }
         lead { displayName } contact { displayName } account { displayName } links { kind recordId } }
  errors { __typename ... on UserError { code message path } ... on RecordNotFoundError { kind id } }
  clientMutationId } }"""

LONG_AGO, FAR_AHEAD = "2001-02-03T04:05:06Z", "2999-02-03T04:05:06.789012Z"


def create(api: Api, viewer: Viewer, **fields: object) -> Any:
    return api.data(viewer, CREATE, input={"subject": "Call"} | fields)["createTask"]


def created(api: Api, organization: Organization, **fields: object) -> Any:
    """Create a task for a new contact and return it."""
    payload = create(api, organization.viewer(), **{"contactId": str(organization.contact())} | fields)
    assert payload["errors"] == []
    return payload["task"]


def refusals(payload: Mapping[str, Any]) -> list[tuple[str, str, list[str] | None]]:
    """Return type, code and path of each refusal, after checking that nothing was created and each has a message."""
    assert payload["task"] is None
    assert all(error["message"].endswith(".") for error in payload["errors"])
    return [(error["__typename"], error["code"], error["path"]) for error in payload["errors"]]


def stored(organization: Organization) -> list[dict[str, Any]]:
    return organization.owner.rows(f"SELECT * FROM lead_interactions WHERE organization_id = '{organization.id}'")


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


def test_somebody_who_is_no_user_here_must_name_an_assignee(api: Api, organization: Organization) -> None:
    stranger = Viewer(uuid4(), organization.id, Role.USER)

    payload = create(api, stranger, contactId=str(organization.contact()))

    assert [("RecordNotFoundError", "RECORD_NOT_FOUND", ["input", "assigneeId"])] == refusals(payload)
    assert "needs an assigneeId" in payload["errors"][0]["message"]
    assert [] == stored(organization)


@pytest.mark.parametrize("subject", ["", " \n\t\u00a0", "x" * 256, "é" * 256])
def test_a_subject_has_1_to_255_characters(api: Api, organization: Organization, subject: str) -> None:
    payload = create(api, organization.viewer(), subject=subject, contactId=str(organization.contact()))

    assert [("ValidationError", "VALIDATION", ["input", "subject"])] == refusals(payload)
    assert [] == stored(organization)


def test_a_task_needs_a_link(api: Api, organization: Organization) -> None:
    payload = create(api, organization.viewer(), leadId=None)

    assert [("LinkRequiredError", "LINK_REQUIRED", None)] == refusals(payload)
    assert [] == stored(organization)


def unknown(organization: Organization, name: str) -> UUID:  # noqa: ARG001 - called like the two below
    return uuid4()


def foreign(organization: Organization, name: str) -> UUID:
    other = new_organization(organization.owner)
    match name:
        case "leadId":
            return other.lead()
        case "contactId":
            return other.contact()
        case "accountId":
            return other.account(other.contact())
        case _:
            return other.user()


def of_another_kind(organization: Organization, name: str) -> UUID:
    return organization.lead() if name != "leadId" else organization.contact()


@pytest.mark.parametrize("which", [unknown, foreign, of_another_kind], ids=lambda which: which.__name__)
@pytest.mark.parametrize("name", ["leadId", "contactId", "accountId", "assigneeId"])
def test_a_record_that_isnt_there_cant_be_linked(api: Api, organization: Organization, name: str, which: Any) -> None:
    id_ = str(which(organization, name))
    valid = {} if name == "contactId" else {"contactId": str(organization.contact())}

    payload = create(api, organization.viewer(), **valid, **{name: id_})

    assert [("RecordNotFoundError", "RECORD_NOT_FOUND", ["input", name])] == refusals(payload)
    kind = None if name == "assigneeId" else name.removesuffix("Id").upper()
    assert [(kind, id_)] == [(error["kind"], error["id"]) for error in payload["errors"]]
    assert [] == stored(organization)


def test_a_deleted_account_cant_be_linked(api: Api, organization: Organization) -> None:
    account = organization.account(organization.contact(), deleted_at="now")

    payload = create(api, organization.viewer(), accountId=str(account))

    assert [("RecordNotFoundError", "RECORD_NOT_FOUND", ["input", "accountId"])] == refusals(payload)
    assert ("ACCOUNT", str(account)) == (payload["errors"][0]["kind"], payload["errors"][0]["id"])
    assert [] == stored(organization)


def test_every_missing_record_is_named_at_once(api: Api, organization: Organization) -> None:
    ids = {name: str(uuid4()) for name in ("leadId", "contactId", "accountId", "assigneeId")}

    payload = create(api, organization.viewer(), **ids)

    assert [["input", name] for name in ids] == [path for _, _, path in refusals(payload)]
    assert list(ids.values()) == [error["id"] for error in payload["errors"]]


def test_several_faults_are_named_at_once(api: Api, organization: Organization) -> None:
    payload = create(api, organization.viewer(), subject=" ", description="x" * 100_001)

    assert [
        ("ValidationError", "VALIDATION", ["input", "subject"]),
        ("ValidationError", "VALIDATION", ["input", "description"]),
        ("LinkRequiredError", "LINK_REQUIRED", None),
    ] == refusals(payload)


def test_a_viewer_may_create_nothing(api: Api, organization: Organization) -> None:
    payload = create(api, organization.viewer(Role.VIEWER), contactId=str(organization.contact()))

    assert [("ForbiddenError", "FORBIDDEN", None)] == refusals(payload)
    assert [] == stored(organization)


@pytest.mark.parametrize(
    "fields",
    [
        {"contactId": "no uuid"},
        {"contactId": ""},
        {"contactId": "{0f9c3d1e-2b1a-4c5d-8e7f-123456789abc}"},
        {"contactId": "0f9c3d1e2b1a4c5d8e7f123456789abc"},
        {"leadId": "' OR true --"},
        {"accountId": 7},
        {"assigneeId": "me"},
        {"priority": "UNKNOWN"},
        {"priority": "URGENT"},
        {"priority": "medium"},
        {"subject": None},
        {"subject": "nul \0 character"},
        {"description": "nul \0 character"},
        {"clientMutationId": 5},
        {"unheardOf": 1},
        {"dueAt": "2026-02-10T15:30:00"},
        {"dueAt": "2026-02-10"},
        {"dueAt": "tomorrow"},
        {"dueAt": ""},
        {"dueAt": 1_770_000_000},
        {"dueAt": True},
        {"dueAt": ["a", None]},
        {"dueAt": {"a": {"b": None}}},
        {"dueAt": "2026-02-30T00:00:00Z"},
        {"dueAt": "infinity"},
        {"dueAt": "9999-12-31T23:59:59-01:00"},
        {"dueAt": "0001-01-01T00:00:00+01:00"},
        {"dueAt": "10000-01-01T00:00:00Z"},
    ],
    ids=str,
)
def test_a_value_that_cant_be_read_is_bad_user_input(
    api: Api, organization: Organization, fields: dict[str, object]
) -> None:
    given = {"subject": "Call", "leadId": str(uuid4())} | fields

    answer = api.ask(CREATE, {"input": given}, viewer=organization.viewer())

    assert answer.status_code < 500
    assert ["BAD_USER_INPUT"] == [error["extensions"]["code"] for error in answer.json()["errors"]]
    assert not [word for word in ("True", "None", "Error") if word in answer.text]  # Python's words
    assert [] == stored(organization)


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


def test_a_refusal_leaves_what_the_same_request_created_before(api: Api, organization: Organization) -> None:
    query = """mutation ($id: ID!) {
      first: createTask(input: {subject: "One", contactId: $id}) { ...Outcome }
      second: createTask(input: {subject: "Two"}) { ...Outcome }
      third: createTask(input: {subject: "Three", contactId: $id}) { ...Outcome } }
    fragment Outcome on TaskPayload { task { subject contact { id } } errors { __typename } }"""
    contact = str(organization.contact())

    data = api.data(organization.viewer(), query, id=contact)

    assert {"task": {"subject": "One", "contact": {"id": contact}}, "errors": []} == data["first"]
    assert {"task": None, "errors": [{"__typename": "LinkRequiredError"}]} == data["second"]
    assert {"One", "Three"} == {row["subject"] for row in stored(organization)}


def test_creating_moves_the_leads_next_follow_up(api: Api, organization: Organization) -> None:
    lead = organization.lead()
    due = datetime.now(UTC).replace(microsecond=0) + timedelta(days=3)

    create(api, organization.viewer(), leadId=str(lead), dueAt=due.isoformat())

    (row,) = organization.owner.rows(f"SELECT next_follow_up FROM leads WHERE id = '{lead}'")
    assert due == datetime.fromisoformat(row["next_follow_up"])
