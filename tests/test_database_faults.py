"""The database away, frozen, read-only, failed over or without room: what clients see, and how it recovers."""

import json
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import httpx2
import pytest

from db.embedded import EmbeddedServer
from resolvers.viewers import Viewer
from tests.apis import api
from tests.databases import APP, CrmDatabase
from tests.deadlines import DEADLINE_S, eventually
from tests.organizations import Organization, new_organization
from tests.owners import Owner, owner_of
from tests.restarts import OwnPostgres, Served, own_crm, served

pytestmark = pytest.mark.slow

TASKS = "{ tasks { totalCount } }"
CREATE = """mutation ($contact: ID!, $key: String) {
  createTask(input: {subject: "Call", contactId: $contact, idempotencyKey: $key}) { task { subject } } }"""
NO_LIMITS: dict[str, Any] = dict.fromkeys(
    ("request_timeout_ms", "statement_timeout_ms", "lock_timeout_ms", "pool_wait_ms"), 5 * DEADLINE_S * 1_000
)
PROMISED_S = 5.0
"""In which an answer comes, and in which the API recovers, by the limits as they are."""


def is_unavailable(answer: httpx2.Response) -> bool:
    codes = {error["extensions"]["code"] for error in answer.json()["errors"]}
    return (503, {"UNAVAILABLE"}) == (answer.status_code, codes) and int(answer.headers["retry-after"]) > 0


# Read-only: a standby, or a server that was set so.


@contextmanager
def read_only(database: CrmDatabase) -> Iterator[None]:
    """Let new connections of the API's role take no changes."""
    setting = f"ALTER ROLE {APP} IN DATABASE {database.name}"
    database.psql(f"{setting} SET default_transaction_read_only = on")
    yield
    database.psql(f"{setting} RESET default_transaction_read_only")


def test_a_read_only_database_refuses_changes_as_unavailable_and_still_shows_everything(database: CrmDatabase) -> None:
    with owner_of(database) as owner, api(database_url=database.app_url) as running:
        organization = new_organization(owner)
        contact, viewer = str(organization.contact()), organization.viewer()
        with read_only(database):
            change = running.ask(CREATE, {"contact": contact}, viewer=viewer)
            older = running.client.post(
                "/api/tasks", json={"subject": "Call", "contact_id": contact}, headers=running.headers(viewer=viewer)
            )
            read = running.ask(TASKS, viewer=viewer)
            ready = running.client.get("/readyz")
        # Its connections, that of the read too, aren't kept: new ones may lead to a server that takes changes by now.
        is_back = eventually(
            lambda: "errors" not in running.ask(CREATE, {"contact": contact}, viewer=viewer).json(), seconds=PROMISED_S
        )

    assert is_unavailable(change)
    assert "takes no changes" in change.json()["errors"][0]["message"]
    assert (503, "UNAVAILABLE") == (older.status_code, older.json()["code"])
    assert {"tasks": {"totalCount": 0}} == read.json()["data"]
    assert (200, "read-only") == (ready.status_code, ready.json()["status"])
    assert is_back


def test_a_change_that_a_trigger_refuses_for_now_is_unavailable_and_costs_no_connection(database: CrmDatabase) -> None:
    database.psql(
        """CREATE FUNCTION moved() RETURNS trigger LANGUAGE plpgsql AS
             $$ BEGIN RAISE EXCEPTION 'gone' USING ERRCODE = 'object_not_in_prerequisite_state'; END $$;
           CREATE TRIGGER moved BEFORE INSERT ON lead_interactions FOR EACH ROW EXECUTE FUNCTION moved()"""
    )
    with owner_of(database) as owner, api(database_url=database.app_url) as running:
        organization = new_organization(owner)
        variables, viewer = {"contact": str(organization.contact())}, organization.viewer()
        running.ask(TASKS, viewer=viewer)
        before = connections(database)
        answer = running.ask(CREATE, variables, viewer=viewer)
        running.ask(TASKS, viewer=viewer)
        after = connections(database)

    assert is_unavailable(answer)
    assert "gone" not in answer.text
    assert before
    assert before <= after


def connections(database: CrmDatabase) -> set[str]:
    """Return the processes that serve the API's pool."""
    pids = "SELECT pid FROM pg_stat_activity WHERE application_name = 'taskline' AND datname = current_database()"
    return set(database.psql(pids).splitlines())


def test_a_database_without_room_is_unavailable(database: CrmDatabase) -> None:
    database.psql(
        """CREATE FUNCTION fill() RETURNS trigger LANGUAGE plpgsql AS
             $$ BEGIN RAISE EXCEPTION 'could not extend file' USING ERRCODE = 'disk_full'; END $$;
           CREATE TRIGGER fill BEFORE INSERT ON lead_interactions FOR EACH ROW EXECUTE FUNCTION fill()"""
    )
    with owner_of(database) as owner, api(database_url=database.app_url) as running:
        organization = new_organization(owner)
        variables, viewer = {"contact": str(organization.contact())}, organization.viewer()
        answer = running.ask(CREATE, variables, viewer=viewer)
        ready = running.client.get("/readyz")
        database.psql("DROP FUNCTION fill CASCADE")
        running.ask(CREATE, variables, viewer=viewer)
        after = running.client.get("/readyz")

    assert is_unavailable(answer)
    assert "extend" not in answer.text
    assert (200, "read-only") == (ready.status_code, ready.json()["status"])
    assert "disk was full" in ready.json()["detail"]
    assert {"status": "ready"} == after.json()


# Locked, and by that soon without a connection to spare.


def test_a_locked_table_is_told_of_in_time_and_served_as_soon_as_it_is_free(
    tmp_path: Path, database: CrmDatabase
) -> None:
    with owner_of(database) as owner, served(tmp_path, database) as server:
        organization = new_organization(owner)
        client = Client(server, organization.viewer(), str(organization.contact()))
        with owner.locked("lead_interactions"):
            answers = client.asked_at_once(32)
        is_back = client.is_served_soon()

    told = {error["extensions"]["code"] for answer in answers for error in answer.json()["errors"]}
    assert {"TIMEOUT", "UNAVAILABLE"} == told  # those that had a connection, and those that waited for one
    assert is_back


# Clients that leave.


def test_what_clients_asked_for_ends_when_they_leave(crm: CrmDatabase, owner: Owner, filled: Organization) -> None:
    fields = " ".join(f"a{n}: tasks {{ totalCount }}" for n in range(3))
    body = json.dumps({"query": f"{{ {fields} }}"})
    left = f"""SELECT count(*) FROM pg_stat_activity
                WHERE application_name = 'taskline' AND datname = '{crm.name}' AND state = 'active'"""

    with api(database_url=crm.app_url, **NO_LIMITS) as running, owner.locked("lead_interactions"):
        url, headers = running.client.base_url, running.headers(viewer=filled.viewer())
        clients = [HTTPConnection(url.host, url.port) for _ in range(10)]
        for client in clients:
            client.request("POST", "/graphql", body, headers | {"Content-Type": "application/json"})
        owner.wait_for_waiters(5)  # as many as one person has of the connections
        for client in clients:
            client.close()

        assert eventually(lambda: int(crm.psql(left)) <= 2, seconds=3)


@pytest.fixture
def filled(organization: Organization) -> Organization:
    organization.task(contact_id=organization.contact())
    return organization


# A PostgreSQL of its own: not there, frozen, stopped, a standby that is promoted.


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory, postgres: EmbeddedServer) -> Iterator[OwnPostgres]:
    with own_crm(tmp_path_factory.mktemp("postgres"), postgres.bin_dir) as own:
        yield own


@dataclass(frozen=True, slots=True)
class Client:
    """Somebody who asks the server process, and measures what it promises."""

    server: Served
    viewer: Viewer
    contact: str

    def read(self) -> httpx2.Response:
        return self.server.api.ask(TASKS, viewer=self.viewer)

    def write(self) -> httpx2.Response:
        return self.server.api.ask(CREATE, {"contact": self.contact}, viewer=self.viewer)

    def ready(self) -> int:
        return self.server.api.client.get("/readyz").status_code

    def asked_at_once(self, count: int) -> list[httpx2.Response]:
        """Return the answers to so many reads and writes, which come in the time promised."""
        with ThreadPoolExecutor(count) as threads:
            asked = [threads.submit(ask) for ask in [self.read, self.write] * (count // 2)]
            answers = [answer.result() for answer in asked]
        slowest = max(answer.elapsed.total_seconds() for answer in answers)
        assert slowest <= PROMISED_S, slowest
        return answers

    def is_refused_in_time(self) -> bool:
        """Tell whether reads and writes, many at once, are all refused as promised, while the process is alive."""
        answers = self.asked_at_once(16)
        assert (200, 503) == (self.server.api.client.get("/healthz").status_code, self.ready())
        return all(map(is_unavailable, answers))

    def is_served_soon(self) -> bool:
        """Tell whether reads and writes are answered again in the time promised."""
        return eventually(
            lambda: "errors" not in self.read().json() | self.write().json() and self.ready() == 200,
            seconds=PROMISED_S,
        )


@pytest.fixture
def client(tmp_path: Path, own: OwnPostgres) -> Iterator[Client]:
    """A client of a server process that has been started while its database was away."""
    with owner_of(own.crm) as owner:
        organization = new_organization(owner)
        contact = str(organization.contact())
    own.stop(signal.SIGINT)
    with served(tmp_path, own.crm) as server:
        yield Client(server, organization.viewer(), contact)


@pytest.mark.long
def test_it_starts_without_its_database_and_serves_when_it_comes(own: OwnPostgres, client: Client) -> None:
    assert client.is_refused_in_time()

    own.start()

    assert client.is_served_soon()


@pytest.mark.long
def test_a_stopped_database_is_unavailable_until_it_is_back(own: OwnPostgres, client: Client) -> None:
    own.start()
    assert client.is_served_soon()
    own.stop(signal.SIGQUIT)

    assert client.is_refused_in_time()
    own.start()

    assert client.is_served_soon()


@pytest.mark.long
def test_a_frozen_database_is_unavailable_until_it_goes_on(own: OwnPostgres, client: Client) -> None:
    own.start()
    assert client.is_served_soon()

    with own.frozen():
        assert client.is_refused_in_time()

    assert client.is_served_soon()


@pytest.mark.long
def test_what_runs_while_its_database_freezes_is_unavailable_in_time(tmp_path: Path, own: OwnPostgres) -> None:
    waiting = {"TASKLINE_LOCK_TIMEOUT_MS": "30000", "TASKLINE_STATEMENT_TIMEOUT_MS": "30000"}  # until it is frozen
    own.start()
    with owner_of(own.crm) as owner, served(tmp_path, own.crm, **waiting) as server:
        organization = new_organization(owner)
        client = Client(server, organization.viewer(), str(organization.contact()))
        assert client.is_served_soon()
        with owner.locked("lead_interactions"), ThreadPoolExecutor(1) as threads:
            asked = threads.submit(client.asked_at_once, 4)
            owner.wait_for_waiters(4)
            with own.frozen():
                answers = asked.result()
        is_back = client.is_served_soon()

    assert all(map(is_unavailable, answers)), [answer.text for answer in answers]
    assert is_back


@pytest.mark.long
def test_a_standby_is_read_until_it_is_promoted_and_then_written_to(own: OwnPostgres, client: Client) -> None:
    listening = (
        "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'taskline live' AND query LIKE 'LISTEN%'"
    )
    own.start(is_standby=True)
    assert eventually(lambda: "errors" not in client.read().json(), seconds=PROMISED_S)
    assert is_unavailable(client.write())
    ready = client.server.api.client.get("/readyz")
    assert (503, ["primary"]) == (ready.status_code, [thing["name"] for thing in ready.json()["missing"]])

    own.crm.psql("SELECT pg_promote()")

    assert client.is_served_soon()
    assert eventually(lambda: own.crm.psql(listening) == "1")


@pytest.mark.long
def test_a_server_can_be_stopped_while_its_database_is_frozen(own: OwnPostgres, client: Client) -> None:
    own.start()
    assert client.is_served_soon()

    with own.frozen(), ThreadPoolExecutor(1) as threads:
        reading = threads.submit(client.read)
        began = time.monotonic()
        code = client.server.process.stop(signal.SIGTERM)
        took_s = time.monotonic() - began

    assert 0 == code
    assert took_s <= 15
    assert is_unavailable(reading.result())
