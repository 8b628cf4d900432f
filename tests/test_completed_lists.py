"""completeTasks: each on its own, in the order given, with the same statements however many there are."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import pytest

from resolvers.viewers import Role, Viewer
from tests.apis import Api
from tests.changed_tasks import COMPLETE_ALL, events, next_follow_up, row
from tests.organizations import Organization, new_organization

SHORT = """mutation ($ids: [ID!]!) { completeTasks(ids: $ids) {
  results { task { id status } errors { __typename } replayed } succeeded failed } }"""


def complete_all(api: Api, organization: Organization, *ids: UUID, role: Role = Role.USER) -> Any:
    data = api.data(organization.viewer(role), COMPLETE_ALL, ids=[str(id_) for id_ in ids])
    return data["completeTasks"]


def by_colleagues(api: Api, organization: Organization, lists: list[list[UUID]]) -> list[Any]:
    """Complete lists at the same time, each by somebody else: one person's wait for one another, and not for long."""
    people = [replace(organization.viewer(Role.USER), user_id=organization.user()) for _ in lists]

    def complete(viewer: Viewer, ids: list[UUID]) -> Any:
        return api.data(viewer, COMPLETE_ALL, ids=[str(id_) for id_ in ids])["completeTasks"]

    with ThreadPoolExecutor(len(lists)) as threads:
        return list(threads.map(complete, people, lists))


def test_each_is_answered_in_its_place(api: Api, organization: Organization) -> None:
    contact = organization.contact()
    links = {"lead_id": organization.lead(), "contact_id": contact, "account_id": organization.account(contact)}
    open_, done = (organization.task(**links, status=status) for status in ("pending", "completed"))
    other = new_organization(organization.owner)
    theirs = other.task(lead_id=other.lead())
    call = organization.task(interaction_type="call", lead_id=organization.lead())
    before = row(organization, done), row(other, theirs), row(organization, call)

    payload = complete_all(api, organization, theirs, done, open_, call, open_)

    not_found, replayed, completed, no_task, again = payload["results"]
    assert (3, 2) == (payload["succeeded"], payload["failed"])
    assert [True, False] == [replayed["replayed"], completed["replayed"]]
    assert [str(done), str(open_)] == [replayed["task"]["id"], completed["task"]["id"]]
    assert {name: str(id_) for name, id_ in zip(("leadId", "contactId", "accountId"), links.values(), strict=True)} == {
        name: completed["task"][name] for name in ("leadId", "contactId", "accountId")
    }
    assert completed == again
    assert [(None, ["ids", "0"], str(theirs)), (None, ["ids", "3"], str(call))] == [
        (result["task"], result["errors"][0]["path"], result["errors"][0]["id"]) for result in (not_found, no_task)
    ]
    assert before == (row(organization, done), row(other, theirs), row(organization, call))


def test_completion_is_recorded_as_for_a_single_task(api: Api, organization: Organization) -> None:
    lead = organization.lead()
    ids = organization.tasks([{"lead_id": lead, "scheduled_at": f"2999-01-0{day}T00:00:00Z"} for day in (1, 2, 3)])

    complete_all(api, organization, *ids[:2])

    for id_ in ids[:2]:
        stored = row(organization, id_)
        assert ("completed", str(organization.user_id)) == (stored["status"], stored["last_modified_by"])
        assert stored["completed_at"] == stored["occurs_at"] is not None
        assert [("completed", str(organization.user_id))] == events(organization, id_)
    assert str(next_follow_up(organization, lead)).startswith("2999-01-03")


def test_no_ids_are_no_tasks(api: Api, organization: Organization) -> None:
    assert {"results": [], "succeeded": 0, "failed": 0} == complete_all(api, organization)


def test_more_than_a_hundred_are_refused_and_none_is_completed(api: Api, organization: Organization) -> None:
    id_ = organization.task(lead_id=organization.lead())

    assert ["LIMIT_EXCEEDED"] == api.codes(organization.viewer(), SHORT, ids=[str(id_)] * 101)
    assert "pending" == row(organization, id_)["status"]


@pytest.mark.parametrize("bad", ["1", "", "nul \0", "x" * 100_000, None, 7.5, ["a"]], ids=lambda bad: str(bad)[:10])
def test_one_malformed_id_and_none_is_completed(api: Api, organization: Organization, bad: object) -> None:
    id_ = organization.task(lead_id=organization.lead())

    assert ["BAD_USER_INPUT"] == api.codes(organization.viewer(), SHORT, ids=[str(id_), bad])
    assert "pending" == row(organization, id_)["status"]


def test_a_viewer_completes_none(api: Api, organization: Organization) -> None:
    id_ = organization.task(lead_id=organization.lead())

    payload = complete_all(api, organization, id_, uuid4(), role=Role.VIEWER)

    assert (0, 2) == (payload["succeeded"], payload["failed"])
    assert [["ForbiddenError"]] * 2 == [
        [error["__typename"] for error in result["errors"]] for result in payload["results"]
    ]
    assert "pending" == row(organization, id_)["status"]


@pytest.mark.slow
def test_a_hundred_take_the_statements_of_one(api: Api, organization: Organization) -> None:
    def cost(*ids: UUID) -> int:
        answer = api.ask(SHORT, {"ids": [str(id_) for id_ in ids]}, viewer=organization.viewer()).json()
        assert len(ids) == len(answer["data"]["completeTasks"]["results"])
        return int(answer["extensions"]["cost"]["statements"])

    ids = organization.tasks([{"lead_id": organization.lead()} for _ in range(101)])

    assert (2, 2) == (cost(ids[0]), cost(*ids[1:]))
    assert (3, 3) == (cost(ids[0]), cost(*ids[1:99], uuid4()))


@pytest.mark.slow
def test_of_lists_that_share_tasks_each_task_is_completed_by_one(api: Api, organization: Organization) -> None:
    shared = organization.tasks([{"lead_id": organization.lead()} for _ in range(40)])
    orders = [shared, shared[::-1]] * 4

    payloads = by_colleagues(api, organization, orders)

    assert [(40, 0)] * 8 == [(payload["succeeded"], payload["failed"]) for payload in payloads]
    made = [result["task"]["id"] for payload in payloads for result in payload["results"] if not result["replayed"]]
    assert sorted(str(id_) for id_ in shared) == sorted(made)


@pytest.mark.slow
def test_lists_over_the_same_leads_never_wait_for_each_other_in_a_circle(api: Api, organization: Organization) -> None:
    leads = [organization.lead() for _ in range(50)]
    # Whatever order their identifiers give, half of the lists would meet the leads from the other end.
    lists = [
        organization.tasks([{"id": id_, "lead_id": lead} for id_, lead in zip(ids, order, strict=True)])
        for order in (leads, leads[::-1]) * 4
        if (ids := sorted(uuid4() for _ in leads))
    ]

    payloads = by_colleagues(api, organization, lists)

    assert [(50, 0)] * 8 == [(payload["succeeded"], payload["failed"]) for payload in payloads]
