"""updateTask: how each thing that can't be is refused, and that nothing is written then."""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID, uuid4

import pytest

from resolvers.viewers import Role
from tests.apis import Api
from tests.changed_tasks import UPDATE, change, events, row, update
from tests.organizations import Organization, new_organization


@pytest.fixture
def task(organization: Organization) -> UUID:
    return organization.task(contact_id=organization.contact())


def refusals(payload: Mapping[str, Any]) -> list[tuple[str, str, list[str] | None]]:
    """Return type, code and path of each refusal, after checking that each has a message and no task came back."""
    assert payload["task"] is None
    assert all(error["message"].endswith(".") for error in payload["errors"])
    return [(error["__typename"], error["code"], error["path"]) for error in payload["errors"]]


@pytest.mark.parametrize("subject", [None, "", " \n\t\u00a0", "x" * 256, "😀" * 256])
def test_a_subject_keeps_1_to_255_characters(
    api: Api, organization: Organization, task: UUID, subject: str | None
) -> None:
    before = row(organization, task)

    payload = update(api, organization, task, subject=subject, description="Not stored.")

    assert [("ValidationError", "VALIDATION", ["input", "subject"])] == refusals(payload)
    assert before == row(organization, task)


def test_a_task_is_somebodys(api: Api, organization: Organization, task: UUID) -> None:
    payload = update(api, organization, task, assigneeId=None)

    assert [("ValidationError", "VALIDATION", ["input", "assigneeId"])] == refusals(payload)


def test_several_faults_are_named_at_once(api: Api, organization: Organization, task: UUID) -> None:
    payload = update(api, organization, task, subject=" ", description="x" * 100_001, assigneeId=None)

    assert [["input", "subject"], ["input", "description"], ["input", "assigneeId"]] == [
        path for _, _, path in refusals(payload)
    ]


def test_the_last_link_cant_be_removed(api: Api, organization: Organization, task: UUID) -> None:
    before = row(organization, task)

    one = update(api, organization, task, contactId=None)
    all_of_them = update(api, organization, task, leadId=None, contactId=None, accountId=None)

    assert [("LinkRequiredError", "LINK_REQUIRED", ["input", "contactId"])] == refusals(one)
    assert [("LinkRequiredError", "LINK_REQUIRED", None)] == refusals(all_of_them)
    assert before == row(organization, task)


def test_a_lost_account_is_no_link_that_could_be_the_last(api: Api, organization: Organization) -> None:
    contact = organization.contact()
    id_ = organization.task(contact_id=contact, account_id=organization.account(contact, deleted_at="now"))

    payload = update(api, organization, id_, contactId=None)

    assert [("LinkRequiredError", "LINK_REQUIRED", ["input", "contactId"])] == refusals(payload)


def unknown(organization: Organization, name: str) -> UUID:  # noqa: ARG001 - called like the two below
    return uuid4()


def foreign(organization: Organization, name: str) -> UUID:
    other = new_organization(organization.owner)
    makers: dict[str, Callable[[], UUID]] = {
        "leadId": other.lead,
        "contactId": other.contact,
        "accountId": lambda: other.account(other.contact()),
        "assigneeId": other.user,
    }
    return makers[name]()


def of_another_kind(organization: Organization, name: str) -> UUID:
    return organization.lead() if name != "leadId" else organization.contact()


@pytest.mark.parametrize("which", [unknown, foreign, of_another_kind], ids=lambda which: which.__name__)
@pytest.mark.parametrize("name", ["leadId", "contactId", "accountId", "assigneeId"])
def test_a_record_that_isnt_there_cant_be_linked(
    api: Api, organization: Organization, task: UUID, name: str, which: Callable[[Organization, str], UUID]
) -> None:
    before, id_ = row(organization, task), str(which(organization, name))

    payload = update(api, organization, task, subject="Not stored", **{name: id_})

    assert [("RecordNotFoundError", "RECORD_NOT_FOUND", ["input", name])] == refusals(payload)
    kind = None if name == "assigneeId" else name.removesuffix("Id").upper()
    assert [(kind, id_)] == [(error["kind"], error["id"]) for error in payload["errors"]]
    assert before == row(organization, task)


def test_every_given_id_is_verified(api: Api, organization: Organization, task: UUID) -> None:
    ids = {name: str(uuid4()) for name in ("leadId", "contactId", "accountId", "assigneeId")}

    one_of_them_is_there = update(api, organization, task, **ids | {"leadId": str(organization.lead())})

    assert [["input", name] for name in ids] == [
        path for _, _, path in refusals(update(api, organization, task, **ids))
    ]
    assert [["input", name] for name in list(ids)[1:]] == [path for _, _, path in refusals(one_of_them_is_there)]


def test_a_deleted_account_cant_be_linked_anew(api: Api, organization: Organization, task: UUID) -> None:
    account = organization.account(organization.contact(), deleted_at="now")

    payload = update(api, organization, task, accountId=str(account))

    assert [("RecordNotFoundError", "RECORD_NOT_FOUND", ["input", "accountId"])] == refusals(payload)


@pytest.mark.parametrize("mutation", ["updateTask", "reopenTask", "cancelTask"])
def test_what_is_no_task_of_the_organization_is_not_found(api: Api, organization: Organization, mutation: str) -> None:
    other = new_organization(organization.owner)
    theirs = other.task(lead_id=other.lead())
    call = organization.task(interaction_type="call", lead_id=organization.lead())
    before = row(other, theirs), row(organization, call)

    for id_ in (uuid4(), theirs, call):
        more = {"subject": "Mine"} if mutation == "updateTask" else {}
        payload = change(api, organization.viewer(), mutation, id_, **more)

        assert [("RecordNotFoundError", "RECORD_NOT_FOUND", ["input", "id"])] == refusals(payload)
        assert (None, str(id_)) == (payload["errors"][0]["kind"], payload["errors"][0]["id"])
    assert before == (row(other, theirs), row(organization, call))


@pytest.mark.parametrize("mutation", ["updateTask", "reopenTask", "cancelTask"])
def test_a_viewer_changes_nothing(api: Api, organization: Organization, task: UUID, mutation: str) -> None:
    before = row(organization, task)

    payload = change(api, organization.viewer(Role.VIEWER), mutation, task)

    assert [("ForbiddenError", "FORBIDDEN", None)] == refusals(payload)
    assert before == row(organization, task)


@pytest.mark.parametrize(
    "fields",
    [
        {"id": "1"},
        {"id": ""},
        {"id": None},
        {"contactId": "no uuid"},
        {"contactId": ""},
        {"leadId": "' OR true --"},
        {"accountId": 7},
        {"assigneeId": "me"},
        {"priority": "UNKNOWN"},
        {"priority": "URGENT"},
        {"subject": "nul \0 character"},
        {"subject": ["a"]},
        {"description": "nul \0 character"},
        {"expectedVersion": 1},
        {"expectedVersion": "nul \0"},
        {"clientMutationId": "nul \0"},
        {"validateOnly": "yes"},
        {"status": "COMPLETED"},
        {"dueAt": "2026-02-10T15:30:00"},
        {"dueAt": "2016-12-31T23:59:60Z"},
        {"dueAt": "0000-01-01T00:00:00Z"},
        {"dueAt": "10000-01-01T00:00:00Z"},
        {"dueAt": "9999-12-31T23:59:59-01:00"},
        {"dueAt": "infinity"},
        {"dueAt": ""},
        {"dueAt": 1_770_000_000},
    ],
    ids=str,
)
def test_a_value_that_cant_be_read_is_bad_user_input(
    api: Api, organization: Organization, task: UUID, fields: dict[str, object]
) -> None:
    before = row(organization, task)

    answer = api.ask(
        UPDATE, {"input": {"id": str(task), "subject": "Not stored"} | fields}, viewer=organization.viewer()
    )

    assert answer.status_code < 500
    assert ["BAD_USER_INPUT"] == [error["extensions"]["code"] for error in answer.json()["errors"]]
    assert not [word for word in ("True", "None", "Error") if word in answer.text]  # Python's words
    assert before == row(organization, task)


@pytest.mark.parametrize("where", ["variable", "literal"])
def test_half_a_surrogate_pair_is_bad_user_input(api: Api, organization: Organization, task: UUID, where: str) -> None:
    before = row(organization, task)
    given = r"\ud83d"
    body = {
        "variable": rf'{{"query": "mutation ($s: String) {{ updateTask(input: {{id: \"{task}\", subject: $s}})'
        rf' {{ replayed }} }}", "variables": {{"s": "{given}"}}}}',
        "literal": rf'{{"query": "mutation {{ updateTask(input: {{id: \"{task}\", subject: \"\{given}\"}})'
        r' { replayed } }"}',
    }[where]

    answer = api.client.post(
        "/graphql",
        content=body,
        headers=api.headers({"Content-Type": "application/json"}, viewer=organization.viewer()),
    )

    assert answer.status_code < 500
    assert ["BAD_USER_INPUT"] == [error["extensions"]["code"] for error in answer.json()["errors"]]
    assert before == row(organization, task)


def test_a_record_that_goes_away_at_the_same_moment_is_not_linked(
    api: Api, organization: Organization, task: UUID
) -> None:
    lead = organization.lead()
    with organization.owner.transaction(f"DELETE FROM leads WHERE id = '{lead}'"), ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(update, api, organization, task, leadId=str(lead))
        organization.owner.wait_for_waiters()
        organization.owner.run("COMMIT")

        payload = waiting.result()

    assert [("RecordNotFoundError", "RECORD_NOT_FOUND", ["input", "leadId"])] == refusals(payload)
    assert row(organization, task)["lead_id"] is None
    assert [] == events(organization, task)
