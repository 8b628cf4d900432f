"""createTask: how each thing that can't be is refused, and that nothing is written then."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID, uuid4

import pytest

from resolvers.viewers import Role, Viewer
from tests.apis import Api
from tests.new_tasks import CREATE, create, stored
from tests.organizations import Organization, new_organization


def refusals(payload: Mapping[str, Any]) -> list[tuple[str, str, list[str] | None]]:
    """Return type, code and path of each refusal, after checking that nothing was created and each has a message."""
    assert payload["task"] is None
    assert all(error["message"].endswith(".") for error in payload["errors"])
    return [(error["__typename"], error["code"], error["path"]) for error in payload["errors"]]


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


def test_the_caller_s_own_text_has_255_characters_at_most(api: Api, organization: Organization) -> None:
    task = {"subject": "Call", "contactId": str(organization.contact())}

    codes = [
        api.codes(organization.viewer(), CREATE, input=task | {"clientMutationId": "x" * length})
        for length in (256, 255)
    ]

    assert [["LIMIT_EXCEEDED"], []] == codes
    assert 1 == len(stored(organization))


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
