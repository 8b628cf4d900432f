"""A request has so much time: then its statement is stopped, and what is left of it isn't begun."""

from collections.abc import Iterator
from typing import Any

import pytest
from httpx2 import Response

from tests.apis import Api, api, connected
from tests.databases import CrmDatabase
from tests.deadlines import eventually
from tests.organizations import Organization
from tests.owners import Owner

# The statements that wait for a lock of mine.
WAITING = "SELECT DISTINCT pid FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY (pg_blocking_pids(pid))"
CREATE = """mutation ($free: ID!, $taken: ID!) {
  a: createTask(input: {subject: "Kept", contactId: $free}) { task { id } }
  b: createTask(input: {subject: "Undone", contactId: $taken}) { task { id } }
  c: createTask(input: {subject: "Not begun", contactId: $free}) { task { id } }
}"""


@pytest.fixture(scope="module")
def hurried(crm: CrmDatabase) -> Iterator[Api]:
    """The API on one connection, with little time for a request, but much for a statement and a lock."""
    limits: dict[str, Any] = {
        "pool_size": 1,
        "request_timeout_ms": 1_500,  # enough for one statement on a busy machine
        "lock_timeout_ms": 8_000,
        "statement_timeout_ms": 8_000,
    }
    with connected(database_url=crm.app_url, **limits) as running:
        yield running


@pytest.mark.slow
def test_a_request_beyond_its_time_ends_whatever_its_fields_wait_for(
    hurried: Api, owner: Owner, organization: Organization
) -> None:
    fields = " ".join(f"a{n}: tasks {{ totalCount nodes {{ contact {{ id }} }} }}" for n in range(15))

    with owner.locked("lead_interactions"):
        response = hurried.ask(f"{{ {fields} viewer {{ role }} }}", viewer=organization.viewer())
        waiting = owner.rows(WAITING)
    again = hurried.data(organization.viewer(), "{ tasks { totalCount } }")

    errors = response.json()["errors"]
    assert 200 == response.status_code
    assert {f"a{n}": "TIMEOUT" for n in range(15)} == {e["path"][0]: e["extensions"]["code"] for e in errors}
    assert {"role": "USER"} == response.json()["data"]["viewer"]
    assert all("1,500 ms" in error["message"] for error in errors)
    assert [] == waiting
    assert {"tasks": {"totalCount": 0}} == again


@pytest.mark.slow
def test_of_several_changes_those_committed_in_time_stay_and_the_others_are_undone_or_not_begun(
    hurried: Api, owner: Owner, organization: Organization
) -> None:
    ids = {"free": str(organization.contact()), "taken": str(organization.contact())}

    with owner.transaction(f"SELECT FROM contacts WHERE id = '{ids['taken']}' FOR UPDATE"):
        response = hurried.ask(CREATE, ids, viewer=organization.viewer())
        waiting = owner.rows(WAITING)

    kept = owner.rows(f"SELECT subject FROM lead_interactions WHERE organization_id = '{organization.id}'")
    assert "TIMEOUT" == response.json()["errors"][0]["extensions"]["code"]
    assert "b" == response.json()["errors"][0]["path"][0]
    assert [] == waiting
    assert ["Kept"] == [row["subject"] for row in kept]


@pytest.mark.slow
def test_a_change_that_was_committed_is_reported_as_made_even_if_the_rest_of_its_answer_is_late(
    hurried: Api, owner: Owner, organization: Organization
) -> None:
    task_id = organization.task(contact_id=organization.contact())
    complete = """mutation ($id: ID!) {
      completeTask(input: {id: $id}) { task { status contact { displayName } } replayed } }"""

    with owner.locked("contacts"):
        answer = hurried.ask(complete, {"id": str(task_id)}, viewer=organization.viewer()).json()

    assert {"task": {"status": "COMPLETED", "contact": None}, "replayed": False} == answer["data"]["completeTask"]
    assert [("ANSWER_LOST", ["completeTask", "task", "contact"])] == [
        (error["extensions"]["code"], error["path"]) for error in answer["errors"]
    ]


@pytest.mark.slow
def test_a_demo_token_that_takes_too_long_can_be_asked_for_again(
    crm: CrmDatabase, owner: Owner, organization: Organization
) -> None:
    def ask(demo: Api) -> Response:
        return demo.client.post("/demo/token", json={"role": "user"})

    with api(
        database_url=crm.app_url, demo_organization_id=organization.id, pool_size=1, request_timeout_ms=1_000
    ) as demo:
        with owner.locked("users"):
            late = ask(demo)
        # On a busy machine a new connection may take the time of a request, too. One that is never given back takes
        # that of each.
        is_answered = eventually(lambda: ask(demo).status_code == 200)

    assert (503, "TIMEOUT") == (late.status_code, late.json()["errors"][0]["extensions"]["code"])
    assert int(late.headers["retry-after"]) > 0
    assert is_answered
