"""Warnings about links that don't go together: lazily, and never in the way."""

from typing import Any
from uuid import UUID

import pytest

from tests.apis import Api
from tests.organizations import Organization

WARNINGS = "warnings { __typename message contact { id displayName } account { id contact { id } } }"
CREATE = f"""mutation ($input: CreateTaskInput!) {{ change: createTask(input: $input) {{
  task {{ id }} errors {{ __typename }} {WARNINGS} }} }}"""
UPDATE = f"""mutation ($input: UpdateTaskInput!) {{ change: updateTask(input: $input) {{
  task {{ id }} errors {{ __typename }} {WARNINGS} }} }}"""
CREATE_ALL = f"""mutation ($input: [CreateTaskInput!]!) {{ createTasks(input: $input) {{
  results {{ {WARNINGS} }} }} }}"""
COMPLETE_ALL = f"""mutation ($ids: [ID!]!) {{ completeTasks(ids: $ids) {{
  results {{ replayed {WARNINGS} }} }} }}"""


@pytest.fixture
def holder(organization: Organization) -> UUID:
    return organization.contact(first_name="Hilda", last_name="Holder")


@pytest.fixture
def account(organization: Organization, holder: UUID) -> UUID:
    return organization.account(holder)


@pytest.fixture
def stranger(organization: Organization) -> UUID:
    return organization.contact(first_name="Stan", last_name="Stranger")


def create(api: Api, organization: Organization, **fields: object) -> Any:
    return api.data(organization.viewer(), CREATE, input={"subject": "Call"} | fields)["change"]


def test_an_account_of_another_contact_is_linked_with_a_warning(
    api: Api, organization: Organization, account: UUID, holder: UUID, stranger: UUID
) -> None:
    payload = create(api, organization, accountId=str(account), contactId=str(stranger))

    (warning,) = payload["warnings"]
    assert payload["task"]
    assert [] == payload["errors"]
    assert {"id": str(stranger), "displayName": "Stan Stranger"} == warning["contact"]
    assert {"id": str(account), "contact": {"id": str(holder)}} == warning["account"]
    assert "Acme" in warning["message"]
    assert "Stan Stranger" in warning["message"]


def test_links_that_go_together_give_no_warning(
    api: Api, organization: Organization, account: UUID, holder: UUID
) -> None:
    links: list[dict[str, str]] = [
        {"accountId": str(account), "contactId": str(holder)},
        {"accountId": str(account)},
        {"contactId": str(holder)},
        {"leadId": str(organization.lead()), "contactId": str(holder)},
    ]

    assert [[]] * 4 == [create(api, organization, **fields)["warnings"] for fields in links]


def test_a_change_that_mends_the_links_ends_the_warning(
    api: Api, organization: Organization, account: UUID, holder: UUID, stranger: UUID
) -> None:
    id_ = str(organization.task(account_id=account, contact_id=stranger))

    def warnings(**fields: object) -> Any:
        return api.data(organization.viewer(), UPDATE, input={"id": id_} | fields)["change"]["warnings"]

    found = [warnings(subject="Visit"), warnings(contactId=str(holder)), warnings(contactId=None)]

    assert [1, 0, 0] == [len(each) for each in found]


def test_a_refused_change_warns_of_nothing(api: Api, organization: Organization, account: UUID, stranger: UUID) -> None:
    payload = create(api, organization, accountId=str(account), contactId=str(stranger), subject="")

    assert (1, []) == (len(payload["errors"]), payload["warnings"])


def test_a_lost_account_is_nothing_to_warn_of(api: Api, organization: Organization, stranger: UUID) -> None:
    lost = organization.account(organization.contact(), deleted_at="now")
    id_ = organization.task(account_id=lost, contact_id=stranger)

    payload = api.data(organization.viewer(), UPDATE, input={"id": str(id_), "subject": "Visit"})["change"]

    assert [] == payload["warnings"]


def test_a_check_warns_of_what_the_change_would_and_changes_nothing(
    api: Api, organization: Organization, account: UUID, holder: UUID, stranger: UUID
) -> None:
    fits, doesnt = ({"accountId": str(account), "contactId": str(contact)} for contact in (holder, stranger))
    id_ = str(organization.task(account_id=account, contact_id=stranger))

    def warnings(document: str, **fields: object) -> Any:
        payload = api.data(organization.viewer(), document, input=fields | {"validateOnly": True})["change"]
        assert (None, []) == (payload["task"], payload["errors"])
        return payload["warnings"]

    created = [warnings(CREATE, subject="Call", **links) for links in (fits, doesnt)]
    changes: list[dict[str, object]] = [{"subject": "Visit"}, {"contactId": str(holder)}, {"accountId": None}]
    updated = [warnings(UPDATE, id=id_, **fields) for fields in changes]

    assert [0, 1] == [len(each) for each in created]
    assert [1, 0, 0] == [len(each) for each in updated]
    assert [{"id": str(stranger), "displayName": "Stan Stranger"}] * 2 == [
        warning["contact"] for warning in (*created[1], *updated[0])
    ]


def test_a_check_of_several_warns_of_each(api: Api, organization: Organization, account: UUID, stranger: UUID) -> None:
    links = {"contactId": str(stranger), "validateOnly": True}
    items = [{"subject": "Call"} | links, {"subject": "Call", "accountId": str(account)} | links]

    results = api.data(organization.viewer(), CREATE_ALL, input=items)["createTasks"]["results"]

    assert [0, 1] == [len(result["warnings"]) for result in results]


def test_warnings_cost_nothing_unless_they_are_asked_for(
    api: Api, organization: Organization, account: UUID, holder: UUID, stranger: UUID
) -> None:
    def cost(selection: str, contact: UUID) -> int:
        links = f'contactId: "{contact}", accountId: "{account}"'
        query = f'mutation {{ createTask(input: {{subject: "Call", {links}}}) {{ task {{ id }} {selection} }} }}'
        return int(api.ask(query, viewer=organization.viewer()).json()["extensions"]["cost"]["statements"])

    assert (1, 3) == (cost("", stranger), cost("warnings { message }", stranger))
    # With what it needs loaded for the task itself, a warning takes nothing more.
    assert 3 == cost("task { contact { id } account { id } } warnings { contact { id } account { id } }", stranger)
    assert 3 == cost("warnings { message }", holder)


@pytest.mark.slow
def test_warnings_of_a_hundred_tasks_take_the_statements_of_one(
    api: Api, organization: Organization, account: UUID, stranger: UUID
) -> None:
    ids = organization.tasks([{"account_id": account, "contact_id": stranger} for _ in range(101)])

    def cost(*chosen: UUID) -> int:
        answer = api.ask(COMPLETE_ALL, {"ids": [str(id_) for id_ in chosen]}, viewer=organization.viewer()).json()
        results = answer["data"]["completeTasks"]["results"]
        assert [1] * len(chosen) == [len(result["warnings"]) for result in results]
        return int(answer["extensions"]["cost"]["statements"])

    # The turn, the change, the contact, the account, and whose that is.
    assert (5, 5) == (cost(ids[0]), cost(*ids[1:]))
