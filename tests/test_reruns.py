"""An operation whose connection breaks is run again where that does nothing twice, and else says what is not known."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest

from db import sessions
from tests import apis
from tests.apis import Api
from tests.databases import CrmDatabase
from tests.organizations import Organization, new_organization
from tests.owners import Owner, owner_of
from tests.proxies import wire

pytestmark = pytest.mark.slow

TASKS = "{ tasks { totalCount nodes { subject contact { displayName } } } }"
CREATE = """mutation ($contact: ID!, $key: String) {
  createTask(input: {subject: "Call", contactId: $contact, idempotencyKey: $key}) { task { subject } replayed } }"""
CREATE_TWO = """mutation ($contact: ID!, $taken: ID!) {
  a: createTask(input: {subject: "Kept", contactId: $contact}) { task { subject } }
  b: createTask(input: {subject: "Undone", contactId: $taken}) { task { subject } } }"""
COMMITTED = b"COMMIT\0"


def broken_while_waiting(owner: Owner, held: str, ask: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Return the answer to a request whose connection is killed while its statement waits for what is held."""
    waiting = "SELECT DISTINCT pid FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY (pg_blocking_pids(pid))"
    with ThreadPoolExecutor(1) as threads:
        with owner.transaction(held):
            answer: Future[dict[str, Any]] = threads.submit(ask)
            owner.wait_for_waiters()
            (backend,) = owner.rows(waiting)
            owner.database.psql(f"SELECT pg_terminate_backend({backend['pid']}, 5000)")
        return answer.result()


@pytest.mark.parametrize("held", ["lead_interactions", "contacts"], ids=["page", "relation"])
def test_what_only_reads_is_answered_all_the_same(
    api: Api, owner: Owner, organization: Organization, held: str
) -> None:
    organization.task(contact_id=organization.contact())
    lock = f"LOCK TABLE {held} IN ACCESS EXCLUSIVE MODE"

    answer = broken_while_waiting(owner, lock, lambda: api.ask(TASKS, viewer=organization.viewer()).json())

    node = {"subject": "Call", "contact": {"displayName": "Cora Contact"}}
    assert {"tasks": {"totalCount": 1, "nodes": [node]}} == answer["data"]
    assert "errors" not in answer


def test_an_older_route_is_answered_all_the_same(api: Api, owner: Owner, organization: Organization) -> None:
    task = organization.task(contact_id=organization.contact())
    headers = api.headers(viewer=organization.viewer())
    lock = "LOCK TABLE lead_interactions IN ACCESS EXCLUSIVE MODE"

    answer = broken_while_waiting(owner, lock, lambda: api.client.get(f"/api/tasks/{task}", headers=headers).json())

    assert str(task) == answer["task"]["id"]


@pytest.mark.parametrize("key", [None, "a key"])
def test_a_change_that_was_certainly_not_committed_is_made(
    api: Api, owner: Owner, organization: Organization, key: str | None
) -> None:
    contact = organization.contact()
    variables = {"contact": str(contact), "key": key}
    held = f"SELECT FROM contacts WHERE id = '{contact}' FOR UPDATE"

    answer = broken_while_waiting(owner, held, lambda: api.ask(CREATE, variables, viewer=organization.viewer()).json())

    assert {"createTask": {"task": {"subject": "Call"}, "replayed": False}} == answer["data"]
    assert ["Call"] == subjects(organization)


def test_a_change_after_one_without_a_key_is_not_run_again(api: Api, owner: Owner, organization: Organization) -> None:
    free, taken = organization.contact(), organization.contact()
    variables = {"contact": str(free), "taken": str(taken)}
    held = f"SELECT FROM contacts WHERE id = '{taken}' FOR UPDATE"

    answer = broken_while_waiting(
        owner, held, lambda: api.ask(CREATE_TWO, variables, viewer=organization.viewer()).json()
    )

    assert [("UNAVAILABLE", ["b"])] == [(error["extensions"]["code"], error["path"]) for error in answer["errors"]]
    assert ["Kept"] == subjects(organization)


@pytest.mark.parametrize("is_silent", [False, True], ids=["broken", "silent"])
@pytest.mark.parametrize(
    ("key", "answered"), [("a key", {"task": {"subject": "Call"}, "replayed": True}), (None, None)], ids=["key", "none"]
)
def test_a_commit_without_an_answer_is_found_by_its_key_and_else_told_as_unknown(
    database: CrmDatabase, monkeypatch: pytest.MonkeyPatch, key: str | None, answered: object, is_silent: bool
) -> None:
    monkeypatch.setitem(sessions.END_S, sessions.COMMIT, 0.5)
    lost: list[bytes] = []

    def lose_one_commit(data: bytes) -> bytes:
        if COMMITTED in data and not lost and is_armed:
            lost.append(data)
            if is_silent:
                return b""
            raise ConnectionResetError
        return data

    is_armed = False
    with owner_of(database) as owner, wire(database, to_client=lose_one_commit) as line:
        organization = new_organization(owner)
        variables = {"contact": str(organization.contact()), "key": key}
        with apis.api(database_url=line.url, allow_unbound_role=True) as running:
            assert "errors" not in running.ask(TASKS, viewer=organization.viewer()).json()
            is_armed = True
            response = running.ask(CREATE, variables, viewer=organization.viewer())

        answer = response.json()
        assert ["Call"] == subjects(organization)
        assert 1 == len(lost)
    assert answered == (answer["data"] or {}).get("createTask")
    if not key:
        (error,) = answer["errors"]
        assert (503, "UNAVAILABLE") == (response.status_code, error["extensions"]["code"])
        assert "may have been made" in error["message"]


def test_it_is_not_run_again_for_ever(database: CrmDatabase) -> None:
    begun: list[bytes] = []

    def break_each(data: bytes) -> bytes:
        if b"REPEATABLE READ" in data:
            begun.append(data)
            raise ConnectionResetError
        return data

    with (
        wire(database, to_server=break_each) as line,
        apis.api(database_url=line.url, allow_unbound_role=True) as running,
    ):
        response = running.ask(TASKS)

    assert (503, ["UNAVAILABLE"]) == (
        response.status_code,
        [e["extensions"]["code"] for e in response.json()["errors"]],
    )
    assert 3 == len(begun)


def subjects(organization: Organization) -> list[str]:
    query = f"SELECT subject FROM lead_interactions WHERE organization_id = '{organization.id}'"
    return [row["subject"] for row in organization.owner.rows(query)]
