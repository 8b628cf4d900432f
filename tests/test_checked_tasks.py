"""validateOnly: everything is checked, and nothing changed."""

from typing import Any
from uuid import uuid4

import pytest

from resolvers.viewers import Role
from tests.apis import Api
from tests.changed_tasks import UPDATE, change, events, row, update
from tests.new_tasks import CREATE, create, create_all, stored
from tests.organizations import Organization

NOTHING: Any = {"errors": [], "task": None}


def test_a_task_that_would_be_created_has_no_errors_and_isnt_there(api: Api, organization: Organization) -> None:
    fields = {"contactId": str(organization.contact()), "clientMutationId": "mine"}

    payload = create(api, organization.viewer(), validateOnly=True, **fields)

    assert NOTHING | {"clientMutationId": "mine"} == payload
    assert [] == stored(organization)


@pytest.mark.parametrize("is_check_only", [False, None])
def test_false_and_null_change_as_usual(api: Api, organization: Organization, is_check_only: bool | None) -> None:
    payload = create(api, organization.viewer(), validateOnly=is_check_only, contactId=str(organization.contact()))
    id_ = payload["task"]["id"]

    changed = update(api, organization, id_, subject="Visit", validateOnly=is_check_only)

    assert "Visit" == changed["task"]["subject"]


@pytest.mark.parametrize(
    "fields",
    [
        {"subject": " "},
        {"subject": "x", "description": "x" * 100_001, "leadId": None},
        {"leadId": str(uuid4()), "accountId": str(uuid4()), "assigneeId": str(uuid4())},
    ],
    ids="+".join,
)
def test_a_check_refuses_what_the_change_would_refuse(
    api: Api, organization: Organization, fields: dict[str, object]
) -> None:
    id_ = organization.task(contact_id=organization.contact())
    before = row(organization, id_)

    checked = [
        create(api, organization.viewer(), validateOnly=True, **fields),
        update(api, organization, id_, validateOnly=True, **fields),
    ]

    assert [create(api, organization.viewer(), **fields), update(api, organization, id_, **fields)] == checked
    assert before == row(organization, id_)


def test_a_change_that_would_be_made_has_no_errors_and_isnt_made(api: Api, organization: Organization) -> None:
    id_ = organization.task(lead_id=organization.lead())
    before = row(organization, id_)
    fields = {"subject": "Visit", "contactId": str(organization.contact()), "leadId": None, "dueAt": None}

    payload = update(api, organization, id_, validateOnly=True, expectedVersion=before["xmin"], **fields)

    assert (NOTHING | {"replayed": False, "clientMutationId": None}) == payload
    assert before == row(organization, id_)
    assert [] == events(organization, id_)


def test_a_check_tells_everything_that_hangs_on_the_stored_task(api: Api, organization: Organization) -> None:
    id_ = organization.task(contact_id=organization.contact())

    checks = [
        update(api, organization, id_, validateOnly=True, contactId=None),
        update(api, organization, id_, validateOnly=True, expectedVersion="1"),
        update(api, organization, uuid4(), validateOnly=True),
        change(api, organization.viewer(Role.VIEWER), "updateTask", id_, validateOnly=True),
    ]

    codes = [[error["code"] for error in payload["errors"]] for payload in checks]
    assert [["LINK_REQUIRED"], ["STALE_VERSION"], ["RECORD_NOT_FOUND"], ["FORBIDDEN"]] == codes


def test_a_check_of_all_or_none_refuses_all_for_one(api: Api, organization: Organization) -> None:
    contact = str(organization.contact())
    items = [{"contactId": contact}, {"contactId": str(uuid4())}, {"contactId": contact}]

    checked, made = (
        create_all(api, organization.viewer(), [item | {"validateOnly": is_check_only} for item in items])
        for is_check_only in (True, False)
    )

    assert made == checked
    assert 3 == checked["failed"]


def test_a_check_takes_one_statement_and_no_lock(api: Api, organization: Organization) -> None:
    id_ = organization.task(contact_id=organization.contact())

    def cost(document: str, **fields: object) -> int:
        answer = api.ask(document, {"input": fields | {"validateOnly": True}}, viewer=organization.viewer()).json()
        return int(answer["extensions"]["cost"]["statements"])

    with organization.owner.transaction(f"SELECT FROM lead_interactions WHERE id = '{id_}' FOR UPDATE"):
        assert 1 == cost(UPDATE, id=str(id_), subject="Visit")
    assert 1 == cost(CREATE, subject="Call", contactId=str(organization.contact()))
