"""Changes by REST: what a body leaves out stays, a state goes with its fields or not at all, and several at once."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID, uuid4

import httpx2
import pytest

from resolvers.viewers import Role
from tests.apis import Api
from tests.organizations import Organization, new_organization
from tests.rest_cases import ask

RESTORE = "mutation ($input: TaskIdInput!) { restoreTask(input: $input) { errors { ... on UserError { code } } } }"


def patch(
    api: Api, organization: Organization, id_: UUID, body: dict[str, Any], *, tag: str | None = None
) -> httpx2.Response:
    headers = api.headers({"If-Match": tag} if tag else {}, viewer=organization.viewer())
    return api.client.patch(f"/api/tasks/{id_}", json=body, headers=headers)


def task_of(api: Api, organization: Organization, id_: UUID) -> Any:
    return api.client.get(f"/api/tasks/{id_}", headers=api.headers(viewer=organization.viewer())).json()["task"]


def bulk(api: Api, organization: Organization, lead: UUID, ids: list[UUID], *, role: Role = Role.USER) -> Any:
    headers = api.headers(viewer=organization.viewer(role))
    body = {"taskIds": [str(id_) for id_ in ids]}
    return api.client.post(f"/api/leads/{lead}/tasks/bulk-complete", json=body, headers=headers)


def test_what_is_left_out_stays_and_null_clears(api: Api, organization: Organization) -> None:
    id_ = organization.task(
        lead_id=organization.lead(), description="Old.", priority="high", scheduled_at="2026-02-10T15:30Z"
    )

    task = patch(api, organization, id_, {"description": None, "scheduled_at": None}).json()["task"]

    assert ("Call", "high", None, None) == tuple(
        task[name] for name in ("subject", "priority", "description", "scheduled_at")
    )


def test_links_and_assignee_can_be_changed(api: Api, organization: Organization) -> None:
    contact, colleague = organization.contact(), organization.user()
    id_ = organization.task(lead_id=organization.lead())

    task = patch(
        api, organization, id_, {"lead_id": "", "contact_id": str(contact), "assigned_to": str(colleague)}
    ).json()["task"]

    assert (None, str(contact), str(colleague)) == (task["lead_id"], task["contact_id"], task["assigned_to"])


def test_the_last_link_stays(api: Api, organization: Organization) -> None:
    lead = organization.lead()
    id_ = organization.task(lead_id=lead)

    response = patch(api, organization, id_, {"lead_id": None, "subject": "New"})

    assert (400, "LINK_REQUIRED") == (response.status_code, response.json()["code"])
    assert (str(lead), "Call") == tuple(task_of(api, organization, id_)[name] for name in ("lead_id", "subject"))


@pytest.mark.parametrize(("status", "stored"), [("completed", "completed"), ("cancelled", "cancelled")])
def test_fields_and_state_change_together(api: Api, organization: Organization, status: str, stored: str) -> None:
    id_ = organization.task(lead_id=organization.lead())

    response = patch(api, organization, id_, {"subject": "New", "status": status})

    task = response.json()["task"]
    assert ("New", stored, stored == "completed") == (task["subject"], task["status"], task["completed_at"] is not None)
    assert f'"{task["version"]}"' == response.headers["etag"]


def test_who_names_no_version_changes_what_others_have_changed_meanwhile(api: Api, organization: Organization) -> None:
    owner, id_ = organization.owner, organization.task(lead_id=organization.lead(), status="completed")

    with (
        ThreadPoolExecutor() as pool,
        owner.transaction(f"UPDATE lead_interactions SET outcome = 'x' WHERE id = '{id_}'"),
    ):
        sent = pool.submit(patch, api, organization, id_, {"subject": "New", "status": "completed"})
        owner.wait_for_waiters()
        owner.run("COMMIT")
        response = sent.result()

    assert 200 == response.status_code, response.text
    assert ("New", "x") == tuple(response.json()["task"][name] for name in ("subject", "outcome"))


def test_fields_and_state_are_one_transaction(api: Api, organization: Organization) -> None:
    id_ = organization.task(lead_id=organization.lead())

    patch(api, organization, id_, {"subject": "New", "status": "completed"})

    events = f"FROM taskline_events WHERE interaction_id = '{id_}' AND type <> 'created'"
    found = organization.owner.rows(
        f"SELECT array_agg(type ORDER BY seq) AS types, count(DISTINCT xid) AS transactions {events}"
    )
    assert [{"types": ["completed", "updated"], "transactions": 1}] == found


@pytest.mark.parametrize(
    "body", [{"subject": ""}, {"lead_id": None}, {"assigned_to": str(UUID(int=7))}, {"contact_id": str(UUID(int=7))}]
)
def test_a_state_stays_when_a_field_is_refused(api: Api, organization: Organization, body: dict[str, Any]) -> None:
    id_ = organization.task(lead_id=organization.lead())

    response = patch(api, organization, id_, body | {"status": "completed"})

    assert response.status_code in {400, 404}
    assert "pending" == task_of(api, organization, id_)["status"]


def test_a_changed_task_is_left_as_it_is(api: Api, organization: Organization) -> None:
    id_ = organization.task(lead_id=organization.lead())
    tag = f'"{task_of(api, organization, id_)["version"]}"'
    assert 200 == patch(api, organization, id_, {"subject": "Mine", "status": "completed"}, tag=tag).status_code

    for body in ({"subject": "Theirs"}, {"status": "pending"}, {"subject": "Theirs", "status": "pending"}):
        assert 412 == patch(api, organization, id_, body, tag=tag).status_code

    now = task_of(api, organization, id_)
    assert ("Mine", "completed") == (now["subject"], now["status"])


def test_another_organizations_task_is_not_there(api: Api, organization: Organization) -> None:
    other = new_organization(organization.owner)
    id_ = other.task(lead_id=other.lead())

    assert [404, 404] == [
        patch(api, organization, id_, body).status_code for body in ({"subject": "x"}, {"status": "completed"})
    ]
    assert ("Call", "pending") == tuple(task_of(api, other, id_)[name] for name in ("subject", "status"))


def test_several_are_completed_once_and_only_the_leads(api: Api, organization: Organization) -> None:
    lead, other = organization.lead(), organization.lead()
    own = organization.tasks([{"lead_id": lead}] * 3)
    done = organization.task(lead_id=lead, status="completed", completed_at="2026-01-01T00:00Z")
    others = organization.task(lead_id=other)

    first, second = (bulk(api, organization, lead, [*own, done, others, uuid4()]).json() for _ in range(2))

    assert (3, 0) == (first["completedCount"], second["completedCount"])
    assert ["completed"] * 3 + ["pending"] == [task_of(api, organization, id_)["status"] for id_ in (*own, others)]
    assert "2026-01-01T00:00:00.000Z" == task_of(api, organization, done)["completed_at"]


def test_several_are_refused_whole(api: Api, organization: Organization) -> None:
    lead = organization.lead()
    id_ = organization.task(lead_id=lead)
    theirs = new_organization(organization.owner).lead()

    refused = [
        bulk(api, organization, lead, [id_] * 101),
        bulk(api, organization, lead, [id_], role=Role.VIEWER),
        bulk(api, organization, theirs, [id_]),
    ]

    assert [(400, "LIMIT_EXCEEDED"), (403, "FORBIDDEN"), (404, "NOT_FOUND")] == [
        (response.status_code, response.json()["code"]) for response in refused
    ]
    assert "pending" == task_of(api, organization, id_)["status"]


def test_a_deleted_task_is_nowhere_and_can_be_restored(api: Api, organization: Organization) -> None:
    lead = organization.lead()
    id_ = organization.task(lead_id=lead, scheduled_at="2026-02-10T15:30Z")
    before = task_of(api, organization, id_)

    deleted = ask(api, organization, "DELETE", f"/tasks/{id_}")

    assert 200 == deleted.status_code
    for method, path in (("GET", ""), ("PATCH", ""), ("PATCH", "/complete"), ("DELETE", "")):
        assert 404 == ask(api, organization, method, f"/tasks/{id_}{path}").status_code
    for path in ("/tasks", f"/leads/{lead}/tasks", "/leads/tasks", "/leads/tasks/overdue"):
        assert [] == ask(api, organization, "GET", path).json()["tasks"]
    assert 0 == ask(api, organization, "GET", "/tasks/stats").json()["stats"]["total"]
    assert 0 == bulk(api, organization, lead, [id_]).json()["completedCount"]

    restored = api.data(organization.viewer(), RESTORE, input={"id": str(id_)})["restoreTask"]

    assert [] == restored["errors"]
    after = task_of(api, organization, id_)
    assert {name: before[name] for name in ("status", "subject", "lead_id", "scheduled_at")} == {
        name: after[name] for name in ("status", "subject", "lead_id", "scheduled_at")
    }


def test_a_task_is_deleted_only_as_it_was_seen(api: Api, organization: Organization) -> None:
    id_ = organization.task(lead_id=organization.lead())
    tag = f'"{task_of(api, organization, id_)["version"]}"'
    patch(api, organization, id_, {"subject": "New"})

    stale = ask(api, organization, "DELETE", f"/tasks/{id_}", headers={"If-Match": tag})
    fresh = ask(api, organization, "DELETE", f"/tasks/{id_}", headers={"If-Match": stale.headers["etag"]})

    assert (412, 200) == (stale.status_code, fresh.status_code)


def test_a_viewer_deletes_nothing(api: Api, organization: Organization) -> None:
    id_ = organization.task(lead_id=organization.lead())

    response = api.client.delete(f"/api/tasks/{id_}", headers=api.headers(viewer=organization.viewer(Role.VIEWER)))

    assert (403, "Call") == (response.status_code, task_of(api, organization, id_)["subject"])


def test_the_log_names_who_changed_it_and_in_which_request(api: Api, organization: Organization) -> None:
    id_ = organization.task(lead_id=organization.lead())

    ask(api, organization, "PATCH", f"/tasks/{id_}", {"subject": "New"}, headers={"X-Request-Id": "from-a-form"})

    logged = f"SELECT actor_id, request_id FROM taskline_events WHERE interaction_id = '{id_}' AND type = 'updated'"
    (event,) = organization.owner.rows(logged)
    assert {"actor_id": str(organization.user_id), "request_id": "from-a-form"} == event
