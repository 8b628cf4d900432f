"""An operation whose connection breaks is run again where that does nothing twice, and else says what is not known."""

import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import pytest

from db import sessions
from server import failures
from tests import apis
from tests.apis import Api
from tests.databases import CrmDatabase
from tests.deadlines import DEADLINE_S, eventually
from tests.organizations import Organization, new_organization
from tests.owners import Owner, owner_of
from tests.proxies import wire
from tests.sockets import Socket, greeted

if TYPE_CHECKING:
    import httpx2

pytestmark = pytest.mark.slow

TASKS = "{ tasks { totalCount nodes { subject contact { displayName } } } }"
CREATE = """mutation ($contact: ID!, $key: String) {
  createTask(input: {subject: "Call", contactId: $contact, idempotencyKey: $key}) { task { subject } replayed } }"""
CREATE_TWO = """mutation ($contact: ID!, $taken: ID!) {
  a: createTask(input: {subject: "Kept", contactId: $contact}) { task { subject } }
  b: createTask(input: {subject: "Undone", contactId: $taken}) { task { subject } } }"""
CREATE_WITH_CONTACT = """mutation ($contact: ID!) {
  createTask(input: {subject: "Call", contactId: $contact}) { task { subject contact { displayName } } } }"""
COMMITTED = b"COMMIT\0"

Asked = TypeVar("Asked")


def broken_while_waiting(owner: Owner, held: str, ask: Callable[[], Asked]) -> Asked:
    """Return the answer to a request whose connection is killed while its statement waits for what is held."""
    waiting = "SELECT DISTINCT pid FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY (pg_blocking_pids(pid))"
    with ThreadPoolExecutor(1) as threads:
        with owner.transaction(held):
            answer: Future[Asked] = threads.submit(ask)
            owner.wait_for_waiters()
            (backend,) = owner.rows(waiting)
            owner.database.psql(f"SELECT pg_terminate_backend({backend['pid']}, 5000)")
        return answer.result()


def told(socket: Socket, query: str, variables: dict[str, str] | None = None) -> Any:
    """Return what the first message after an operation's start holds."""
    socket.subscribe(query, variables)
    return socket.receive()["payload"]


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


def test_on_a_socket_what_does_nothing_twice_is_answered_all_the_same(
    api: Api, owner: Owner, organization: Organization
) -> None:
    contact = organization.contact()
    held = f"SELECT FROM contacts WHERE id = '{contact}' FOR UPDATE"
    lock = "LOCK TABLE contacts IN ACCESS EXCLUSIVE MODE"

    with greeted(api, organization.viewer()) as socket:
        made = broken_while_waiting(owner, held, lambda: told(socket, CREATE, {"contact": str(contact)}))
        ended = socket.receive()["type"]
        read = broken_while_waiting(owner, lock, lambda: told(socket, TASKS))

    node = {"subject": "Call", "contact": {"displayName": "Cora Contact"}}
    assert {"createTask": {"task": {"subject": "Call"}, "replayed": False}} == made["data"]
    assert "complete" == ended
    assert {"tasks": {"totalCount": 1, "nodes": [node]}} == read["data"]
    assert ["Call"] == subjects(organization)


def test_a_subscription_that_has_said_nothing_yet_is_begun_again(
    api: Api, owner: Owner, organization: Organization
) -> None:
    contact = organization.contact()
    follow = "subscription ($contact: ID!) { timelineEvents(record: {contactId: $contact}) { type } }"
    lock = "LOCK TABLE contacts IN ACCESS EXCLUSIVE MODE"

    with greeted(api, organization.viewer()) as socket:

        def is_told_of_another() -> bool:
            organization.task(contact_id=contact)
            with suppress(TimeoutError):
                return bool(socket.data(timeout_s=1))
            return False

        broken_while_waiting(owner, lock, lambda: socket.subscribe(follow, {"contact": str(contact)}))

        assert eventually(is_told_of_another)


def test_a_change_after_one_without_a_key_is_not_run_again(api: Api, owner: Owner, organization: Organization) -> None:
    free, taken = organization.contact(), organization.contact()
    variables = {"contact": str(free), "taken": str(taken)}
    held = f"SELECT FROM contacts WHERE id = '{taken}' FOR UPDATE"

    response = broken_while_waiting(owner, held, lambda: api.ask(CREATE_TWO, variables, viewer=organization.viewer()))

    (error,) = response.json()["errors"]
    assert (200, None) == (response.status_code, response.headers.get("retry-after"))
    assert ("UNAVAILABLE", ["b"]) == (error["extensions"]["code"], error["path"])
    assert failures.MADE_BEFORE in error["message"]
    assert ["Kept"] == subjects(organization)


def test_on_a_socket_a_failure_after_a_change_says_so_too(api: Api, owner: Owner, organization: Organization) -> None:
    taken = organization.contact()
    variables = {"contact": str(organization.contact()), "taken": str(taken)}
    held = f"SELECT FROM contacts WHERE id = '{taken}' FOR UPDATE"

    with greeted(api, organization.viewer()) as socket:
        message = broken_while_waiting(owner, held, lambda: told(socket, CREATE_TWO, variables))

    assert failures.MADE_BEFORE in json.dumps(message)
    assert ["Kept"] == subjects(organization)


@pytest.mark.parametrize("is_silent", [False, True], ids=["broken", "silent"])
@pytest.mark.parametrize(
    ("key", "answered"), [("a key", {"task": {"subject": "Call"}, "replayed": True}), (None, None)], ids=["key", "none"]
)
def test_a_commit_without_an_answer_is_found_by_its_key_and_else_told_as_unknown(
    database: CrmDatabase,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    key: str | None,
    answered: object,
    is_silent: bool,
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
        trail = tmp_path / "audit.jsonl"
        with apis.api(database_url=line.url, allow_unbound_role=True, audit_file=trail) as running:
            assert "errors" not in running.ask(TASKS, viewer=organization.viewer()).json()
            is_armed = True
            response = running.ask(CREATE, variables, viewer=organization.viewer())

        answer = response.json()
        assert ["Call"] == subjects(organization)
        assert 1 == len(lost)
    assert answered == (answer["data"] or {}).get("createTask")
    assert (1 if key else None) == json.loads(trail.read_text())["changes"]
    if not key:
        assert "retry-after" not in response.headers
        (error,) = answer["errors"]
        assert (503, "UNAVAILABLE") == (response.status_code, error["extensions"]["code"])
        assert "may have been made" in error["message"]


def test_on_a_socket_a_change_that_was_left_while_it_was_committed_is_noted_as_unknown(
    database: CrmDatabase, tmp_path: Path
) -> None:
    committing, trail = threading.Event(), tmp_path / "audit.jsonl"
    is_armed = False

    def hold_the_commit(data: bytes) -> bytes:
        if not (is_armed and COMMITTED in data):
            return data
        committing.set()
        return b""

    with owner_of(database) as owner, wire(database, to_client=hold_the_commit) as line:
        organization = new_organization(owner)
        with apis.api(database_url=line.url, allow_unbound_role=True, audit_file=trail) as running:
            assert "errors" not in running.ask(TASKS, viewer=organization.viewer()).json()
            is_armed = True
            with greeted(running, organization.viewer()) as socket:
                socket.subscribe(CREATE, {"contact": str(organization.contact())})
                assert committing.wait(DEADLINE_S)
            assert eventually(lambda: bool(trail.read_text()))

    assert json.loads(trail.read_text())["changes"] is None


@dataclass(slots=True)
class LossAfterCommit:
    """Lets nothing through to the client from some message after a COMMIT's acknowledgement on, or from that on."""

    is_silent: bool = False
    messages: int = 0
    """How many come through before."""
    loses_commit: bool = False
    is_armed: bool = False
    has_committed: bool = False

    def __call__(self, data: bytes) -> bytes:
        if not self.has_committed:
            self.has_committed = self.is_armed and COMMITTED in data
            if not (self.has_committed and self.loses_commit):
                return data
        if self.messages:
            self.messages -= 1
            return data
        if self.is_silent:
            return b""
        raise ConnectionResetError


LOSSES = pytest.mark.parametrize(
    ("is_silent", "messages"), [(False, 0), (True, 0), (True, 1)], ids=["broken", "silent", "silent-under-a-statement"]
)


@contextmanager
def losing_after_commit(database: CrmDatabase, loss: LossAfterCommit) -> Iterator[tuple[Api, Organization]]:
    """Yield an API that loses its database after its first change; by then it has a connection."""
    with (
        owner_of(database) as owner,
        wire(database, to_client=loss) as line,
        apis.api(database_url=line.url, allow_unbound_role=True, pool_wait_ms=500, request_timeout_ms=2_000) as running,
    ):
        organization = new_organization(owner)
        assert "errors" not in running.ask(TASKS, viewer=organization.viewer()).json()
        loss.is_armed = True
        yield running, organization
        assert loss.has_committed
        assert ["Call"] == subjects(organization)


# Of tasks that are created together a record goes away, so each is created by itself; one is the connection's last.
RACE = """
CREATE FUNCTION race() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF (SELECT count(*) FROM made) > 1 THEN RAISE foreign_key_violation;
  ELSIF EXISTS (SELECT FROM made WHERE subject = 'Last') THEN
    PERFORM pg_terminate_backend(pg_backend_pid()), pg_sleep(5);
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER race AFTER INSERT ON lead_interactions REFERENCING NEW TABLE AS made
  FOR EACH STATEMENT EXECUTE FUNCTION race()"""
CREATE_EACH = (
    "mutation ($input: [CreateTaskInput!]!) { createTasks(input: $input, atomic: false) { results { task { id } } } }"
)


@pytest.mark.parametrize(("made", "code", "status"), [(2, "ANSWER_LOST", 200), (0, "UNAVAILABLE", 503)])
def test_of_many_tasks_those_that_were_made_are_told_when_the_connection_breaks(
    database: CrmDatabase, made: int, code: str, status: int
) -> None:
    with owner_of(database) as owner, apis.connected(database_url=database.app_url) as running:
        organization = new_organization(owner)
        contact = str(organization.contact())
        database.psql(RACE)
        wanted = [{"subject": subject, "contactId": contact} for subject in ["Call"] * made + ["Last", "Call"]]
        response = running.ask(CREATE_EACH, {"input": wanted}, viewer=organization.viewer())
        found = subjects(organization)

    (error,) = response.json()["errors"]
    assert (code, status) == (error["extensions"]["code"], response.status_code)
    assert ["Call"] * made == found
    assert (f"first {made} are done" in error["message"]) == (made > 0)


def post_task(api: Api, organization: Organization) -> "httpx2.Response":
    task = {"subject": "Call", "contact_id": str(organization.contact())}
    return api.client.post("/api/tasks", json=task, headers=api.headers(viewer=organization.viewer()))


@LOSSES
def test_a_change_whose_answer_cant_be_read_is_told_as_made(
    database: CrmDatabase, is_silent: bool, messages: int
) -> None:
    with losing_after_commit(database, LossAfterCommit(is_silent, messages)) as (api, organization):
        variables = {"contact": str(organization.contact())}
        response = api.ask(CREATE_WITH_CONTACT, variables, viewer=organization.viewer())

    (error,) = response.json()["errors"]
    assert (200, None) == (response.status_code, response.headers.get("retry-after"))
    assert {"createTask": {"task": {"subject": "Call", "contact": None}}} == response.json()["data"]
    assert ("ANSWER_LOST", ["createTask", "task", "contact"]) == (error["extensions"]["code"], error["path"])
    assert sessions.MADE == error["message"]


@LOSSES
def test_an_older_route_whose_answer_cant_be_read_asks_nobody_to_send_it_again(
    database: CrmDatabase, is_silent: bool, messages: int
) -> None:
    with losing_after_commit(database, LossAfterCommit(is_silent, messages)) as (api, organization):
        response = post_task(api, organization)

    assert (500, None) == (response.status_code, response.headers.get("retry-after"))
    assert ("ANSWER_LOST", sessions.MADE) == (response.json()["code"], response.json()["message"])


def test_an_older_route_that_may_have_changed_something_asks_nobody_to_send_it_again(database: CrmDatabase) -> None:
    with losing_after_commit(database, LossAfterCommit(loses_commit=True)) as (api, organization):
        response = post_task(api, organization)

    assert (503, None) == (response.status_code, response.headers.get("retry-after"))
    assert sessions.MAYBE_MADE == response.json()["message"]


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
