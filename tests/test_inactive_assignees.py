"""Colleagues who went inactive: tasks that they have stay theirs, and they get no new ones."""

from typing import Any
from uuid import UUID

import pytest

from tests.apis import Api
from tests.changed_tasks import row, update, updated
from tests.new_tasks import create, create_all, stored
from tests.organizations import Organization

REFUSED = [("RECORD_NOT_FOUND", ["input", "assigneeId"])]


@pytest.fixture
def gone(organization: Organization) -> UUID:
    return organization.user(first_name="Adam", last_name="Gone", is_active=False)


def refusals(payload: dict[str, Any], gone: UUID) -> list[tuple[str, list[str]]]:
    assert payload["task"] is None
    message = f"There is no active colleague {gone} in your organization. Choose another one."
    assert [message] == [error["message"] for error in payload["errors"]]
    return [(error["code"], error["path"]) for error in payload["errors"]]


@pytest.mark.parametrize("is_check_only", [True, False])
def test_a_new_task_isnt_given_to_them(api: Api, organization: Organization, gone: UUID, is_check_only: bool) -> None:
    links = {"contactId": str(organization.contact()), "assigneeId": str(gone), "validateOnly": is_check_only}

    assert REFUSED == refusals(create(api, organization.viewer(), **links), gone)
    assert [] == stored(organization)


def test_in_a_list_only_their_tasks_are_refused(api: Api, organization: Organization, gone: UUID) -> None:
    contact = str(organization.contact())
    items = [{"contactId": contact}, {"contactId": contact, "assigneeId": str(gone)}]

    answer = create_all(api, organization.viewer(), items, atomic=False)

    assert (1, 1) == (answer["succeeded"], answer["failed"])
    assert ["input", "1", "assigneeId"] == answer["results"][1]["errors"][0]["path"]


@pytest.mark.parametrize("is_check_only", [True, False])
def test_a_task_isnt_passed_on_to_them(api: Api, organization: Organization, gone: UUID, is_check_only: bool) -> None:
    id_ = organization.task(contact_id=organization.contact())

    payload = update(api, organization, id_, assigneeId=str(gone), validateOnly=is_check_only)

    assert REFUSED == refusals(payload, gone)
    assert str(organization.user_id) == row(organization, id_)["user_id"]


def test_what_they_have_stays_theirs_and_can_be_changed(api: Api, organization: Organization, gone: UUID) -> None:
    id_ = organization.task(contact_id=organization.contact(), user_id=gone)

    changed = updated(api, organization, id_, subject="Call again", assigneeId=str(gone))

    assert "Call again" == changed["subject"]
    assert str(gone) == row(organization, id_)["user_id"]


def test_somebody_of_whom_nobody_said_is_active(api: Api, organization: Organization) -> None:
    unknown = organization.user(is_active=None)

    payload = create(api, organization.viewer(), contactId=str(organization.contact()), assigneeId=str(unknown))

    assert {"id": str(unknown)} == payload["task"]["assignee"]


def test_a_new_task_of_their_lead_is_the_caller_s(api: Api, organization: Organization, gone: UUID) -> None:
    lead = organization.lead(assigned_to=gone)

    answer = api.client.post(
        f"/api/leads/{lead}/tasks", json={"subject": "Call"}, headers=api.headers(viewer=organization.viewer())
    )

    assert 201 == answer.status_code, answer.text
    assert [str(organization.user_id)] == [str(task["user_id"]) for task in stored(organization)]
