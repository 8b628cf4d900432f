"""Links to records that were deleted: the name stays, on every sort of interaction."""

from datetime import datetime
from typing import Any

import pytest

from tests.apis import Api
from tests.logged_events import LinkedTask, linked_task
from tests.organizations import Organization, new_organization
from tests.owners import Owner

LINKS = """query ($id: ID!) { node(id: $id) { ... on Interaction {
  links(includeLost: true) { kind state recordId label lostAt record { id } } present: links { recordId }
  ... on Task { isOrphan } } } }"""
LISTED = "query ($first: Int) { tasks(first: $first) { nodes { links(includeLost: true) { state label } } } }"


@pytest.fixture
def task(organization: Organization) -> LinkedTask:
    return linked_task(organization)


def links(api: Api, task: LinkedTask) -> list[dict[str, Any]]:
    found: dict[str, Any] = api.data(task.organization.viewer(), LINKS, id=str(task.id))["node"]
    return list(found["links"])


def delete(task: LinkedTask, table: str, id_: object) -> None:
    task.organization.owner.run(f"DELETE FROM {table} WHERE id = '{id_}'")


def test_a_deleted_lead_keeps_its_name(api: Api, task: LinkedTask) -> None:
    delete(task, "leads", task.lead_id)

    lost, contact, account = links(api, task)

    assert ("LEAD", "LOST", str(task.lead_id), "Lea Lead", None) == (
        lost["kind"],
        lost["state"],
        lost["recordId"],
        lost["label"],
        lost["record"],
    )
    assert datetime.fromisoformat(str(task.events()[0]["at"])) == datetime.fromisoformat(lost["lostAt"])
    assert ["LINKED", "LINKED"] == [contact["state"], account["state"]]


def test_a_task_that_lost_all_is_an_orphan_and_shows_what_it_lost(api: Api, task: LinkedTask) -> None:
    delete(task, "leads", task.lead_id)
    delete(task, "contacts", task.contact_id)

    node = api.data(task.organization.viewer(), LINKS, id=str(task.id))["node"]

    assert [("LEAD", "Lea Lead"), ("CONTACT", "Cora Contact"), ("ACCOUNT", "Acme")] == [
        (link["kind"], link["label"]) for link in node["links"]
    ]
    assert ([], True) == (node["present"], node["isOrphan"])


def test_a_link_that_was_removed_is_not_lost(api: Api, task: LinkedTask) -> None:
    task.change("lead_id = NULL")
    delete(task, "leads", task.lead_id)

    assert ["CONTACT", "ACCOUNT"] == [link["kind"] for link in links(api, task)]


def test_a_new_link_stands_before_the_lost_one(api: Api, task: LinkedTask) -> None:
    delete(task, "leads", task.lead_id)
    task.change(f"lead_id = '{task.organization.lead(first_name='Nora')}'")

    assert [("LINKED", "Nora Lead"), ("LOST", "Lea Lead")] == [
        (link["state"], link["label"]) for link in links(api, task)[:2]
    ]


def test_a_record_that_came_back_is_not_lost(api: Api, task: LinkedTask) -> None:
    delete(task, "leads", task.lead_id)
    task.organization.lead(id=task.lead_id)
    task.change(f"lead_id = '{task.lead_id}'")

    assert ["LINKED"] * 3 == [link["state"] for link in links(api, task)]


def test_an_account_that_was_marked_and_then_deleted_is_lost_once(api: Api, task: LinkedTask) -> None:
    task.organization.owner.run(f"UPDATE accounts SET deleted_at = now() WHERE id = '{task.account_id}'")
    marked = links(api, task)
    delete(task, "accounts", task.account_id)

    states = [[(link["kind"], link["state"]) for link in found] for found in (marked, links(api, task))]

    assert [[("LEAD", "LINKED"), ("CONTACT", "LINKED"), ("ACCOUNT", "LOST")]] * 2 == states


def test_a_call_shows_what_it_lost_too(api: Api, organization: Organization) -> None:
    call = linked_task(organization, interaction_type="call")
    delete(call, "leads", call.lead_id)

    assert "LOST" == links(api, call)[0]["state"]


def test_the_name_of_a_nameless_record_says_what_it_was(api: Api, task: LinkedTask) -> None:
    task.organization.owner.run(f"UPDATE leads SET first_name = '', last_name = '' WHERE id = '{task.lead_id}'")
    delete(task, "leads", task.lead_id)

    assert "Deleted lead" == links(api, task)[0]["label"]


def test_another_organization_sees_none(api: Api, owner: Owner, task: LinkedTask) -> None:
    delete(task, "leads", task.lead_id)

    assert {"node": None} == api.data(new_organization(owner).viewer(), LINKS, id=str(task.id))


@pytest.mark.slow
def test_lost_links_of_one_task_and_of_fifty_take_the_same_statements(api: Api, organization: Organization) -> None:
    for _ in range(50):
        task = linked_task(organization)
        delete(task, "leads", task.lead_id)

    costs = [
        api.ask(LISTED, {"first": first}, viewer=organization.viewer()).json()["extensions"]["cost"]["statements"]
        for first in (1, 50)
    ]

    assert costs[0] == costs[1]
