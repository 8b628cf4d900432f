"""Idempotency-Key: what is created by REST is created once, however often it is sent."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import httpx2
import pytest

from tests.apis import Api
from tests.new_tasks import stored
from tests.organizations import Organization
from tests.rest_cases import ask

CREATE = "mutation ($input: CreateTaskInput!) { createTask(input: $input) { task { id } } }"


@pytest.fixture
def body(organization: Organization) -> dict[str, Any]:
    return {"subject": "Call", "contact_id": str(organization.contact())}


def create(
    api: Api, organization: Organization, body: dict[str, Any], key: str, path: str = "/tasks"
) -> httpx2.Response:
    return ask(api, organization, "POST", path, body, headers={"Idempotency-Key": key})


def test_a_repeat_creates_nothing_and_answers_the_task(
    api: Api, organization: Organization, body: dict[str, Any]
) -> None:
    first, second = (create(api, organization, body, "a key") for _ in range(2))

    assert (201, 201) == (first.status_code, second.status_code)
    assert first.json()["task"] == second.json()["task"]
    assert first.headers["etag"] == second.headers["etag"]
    assert 1 == len(stored(organization))


def test_many_at_once_create_one(api: Api, organization: Organization, body: dict[str, Any]) -> None:
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda _: create(api, organization, body, "a key"), range(8)))

    assert {201} == {answer.status_code for answer in answers}
    assert 1 == len({answer.json()["task"]["id"] for answer in answers}) == len(stored(organization))


def test_the_same_key_for_something_else_is_refused(api: Api, organization: Organization, body: dict[str, Any]) -> None:
    create(api, organization, body, "a key")

    other = create(api, organization, body | {"subject": "Write"}, "a key")

    assert (422, "IDEMPOTENCY_CONFLICT") == (other.status_code, other.json()["code"])
    assert "Idempotency-Key" == other.json()["errors"][0]["field"]
    assert 1 == len(stored(organization))


def test_a_key_is_the_same_one_for_graphql(api: Api, organization: Organization, body: dict[str, Any]) -> None:
    input_ = {"subject": "Call", "description": "x", "contactId": body["contact_id"], "idempotencyKey": "a key"}
    made = api.data(organization.viewer(), CREATE, input=input_)["createTask"]

    answer = create(api, organization, body | {"description": "x"}, '"a key"')

    assert made["task"]["id"] == answer.json()["task"]["id"]


def test_a_leads_task_is_created_once_though_its_owner_changes(api: Api, organization: Organization) -> None:
    lead = organization.lead(assigned_to=organization.user_id)
    first = create(api, organization, {"subject": "Call"}, "k", f"/leads/{lead}/tasks")
    organization.owner.run(f"UPDATE leads SET assigned_to = '{organization.user()}' WHERE id = '{lead}'")

    second = create(api, organization, {"subject": "Call"}, "k", f"/leads/{lead}/tasks")

    tasks = [answer.json()["task"] for answer in (first, second)]
    assert 1 == len({(task["id"], task["version"], task["assigned_to"]) for task in tasks}) == len(stored(organization))


def test_a_refused_request_leaves_its_key_free(api: Api, organization: Organization, body: dict[str, Any]) -> None:
    refused = create(api, organization, body | {"contact_id": str(uuid4())}, "a key")
    made = create(api, organization, body, "a key")

    assert (404, 201) == (refused.status_code, made.status_code)


@pytest.mark.parametrize("key", ["", "x" * 256])
def test_a_key_that_cannot_be_kept_is_refused(
    api: Api, organization: Organization, body: dict[str, Any], key: str
) -> None:
    answer = create(api, organization, body, key)

    assert (400, "VALIDATION", "Idempotency-Key") == (
        answer.status_code,
        answer.json()["code"],
        answer.json()["errors"][0]["field"],
    )
    assert [] == stored(organization)
