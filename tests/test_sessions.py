"""One connection for a request: fields that ask at once, failures, full pools, clients and databases that go away."""

import asyncio
import gc
import socket
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing, suppress
from typing import Any
from uuid import UUID

import pytest
from pydantic import SecretStr

from db.event_places import current_place
from db.live_events import LiveEvent, View
from db.sessions import Session
from db.statements import Statement
from errors import ConstraintViolated, DatabaseRefused, SettingsInvalid, TimedOut, Unavailable
from execution.guards import guards
from resolvers import live_events
from resolvers.live_events import Bell, Live
from resolvers.rounds import Loader, Rounds
from schema.build import build_schema
from schema.context import Context
from server.accesses import Access, AccessLog
from server.databases import check, database_of
from server.socket_operations import SocketOperations
from server.trusted_documents import TrustedDocuments
from settings import Settings
from tests.apis import NOWHERE, Api, api, connected
from tests.databases import APP, CrmDatabase
from tests.deadlines import eventually
from tests.organizations import Organization, new_organization
from tests.owners import Owner, owner_of
from tests.sockets import greeted

TASKS = "{ tasks { totalCount nodes { subject contact { displayName } } } }"
# There is no such organization and no such contact: a foreign key refuses it.
REFUSED_INSERT = """INSERT INTO accounts (organization_id, contact_id, account_name)
  VALUES ('00000000-0000-0000-0000-000000000001', '00000000-0000-0000-0000-000000000003', 'x')"""
ANSWER = {"totalCount": 1, "nodes": [{"subject": "Call", "contact": {"displayName": "Cora Contact"}}]}


@pytest.fixture(scope="module")
def single(crm: CrmDatabase) -> Iterator[Api]:
    """The API with a pool of one connection, on which statements may wait long."""
    with api(database_url=crm.app_url, pool_size=1, lock_timeout_ms=8_000, statement_timeout_ms=8_000) as running:
        yield running


@pytest.fixture
def filled(organization: Organization) -> Organization:
    """An organization with one task on one contact."""
    organization.task(contact_id=organization.contact())
    return organization


def test_fields_that_ask_at_once_take_turns_on_one_connection(single: Api, filled: Organization) -> None:
    fields = " ".join(f"a{n}: tasks {{ totalCount nodes {{ subject contact {{ displayName }} }} }}" for n in range(30))

    data = single.data(filled.viewer(), f"{{ {fields} }}")

    assert [ANSWER] * 30 == list(data.values())


def test_many_requests_share_one_connection(single: Api, filled: Organization) -> None:
    with ThreadPoolExecutor(20) as threads:
        answers = list(threads.map(lambda _: single.data(filled.viewer(), TASKS)["tasks"], range(20)))

    assert [ANSWER] * 20 == answers


def test_reads_and_writes_of_many_requests_share_one_connection(single: Api, filled: Organization) -> None:
    create = """mutation ($id: ID!) { createTask(input: {subject: "New", contactId: $id}) {
      task { contact { displayName } } errors { __typename } } }"""
    contact = str(filled.contact(first_name="Nora"))

    def work(number: int) -> object:
        if number % 2:
            return single.data(filled.viewer(), TASKS)["tasks"]["nodes"][0]["subject"] in {"Call", "New"}
        return not single.data(filled.viewer(), create, id=contact)["createTask"]["errors"]

    with ThreadPoolExecutor(10) as threads:
        assert all(threads.map(work, range(10)))
    assert 6 == single.data(filled.viewer(), TASKS)["tasks"]["totalCount"]


def test_a_client_that_hangs_up_leaves_the_connection_usable(single: Api, filled: Organization, owner: Owner) -> None:
    content = b'{"query": "{ tasks { totalCount } }"}'
    host, port = single.client.base_url.host, single.client.base_url.port
    headers = single.headers({"Host": f"{host}:{port}", "Content-Type": "application/json"}, viewer=filled.viewer())
    lines = ["POST /graphql HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    head = "\r\n".join([*lines, f"Content-Length: {len(content)}", "", ""])

    with owner.locked("lead_interactions"), socket.create_connection((host, port)) as client:
        client.sendall(head.encode() + content)
        owner.wait_for_waiters()

    assert ANSWER == single.data(filled.viewer(), TASKS)["tasks"]


@pytest.mark.parametrize(
    "limits",
    [{"lock_timeout_ms": 50}, {"lock_timeout_ms": 8_000, "statement_timeout_ms": 1_000}],
    ids=["lock", "statement"],
)
def test_what_takes_too_long_is_a_timeout_and_spoils_no_other_field(
    crm: CrmDatabase, owner: Owner, filled: Organization, limits: dict[str, Any]
) -> None:
    with connected(database_url=crm.app_url, pool_size=1, **limits) as running:
        with owner.locked("lead_interactions"):
            answer = running.ask("{ tasks { totalCount } viewer { user { displayName } } }", viewer=filled.viewer())
        again = running.data(filled.viewer(), TASKS)["tasks"]

    body = answer.json()
    assert 200 == answer.status_code
    assert [("TIMEOUT", ["tasks"])] == [(error["extensions"]["code"], error["path"]) for error in body["errors"]]
    assert {"tasks": None, "viewer": {"user": {"displayName": "Una User"}}} == body["data"]
    assert ANSWER == again


def test_a_failed_field_leaves_those_after_it_alone(crm: CrmDatabase, owner: Owner, filled: Organization) -> None:
    contact = filled.contact()
    query = f"""{{ tasks {{ totalCount }} more: tasks {{ totalCount }}
      lead(id: "{contact}") {{ id }} contact(id: "{contact}") {{ displayName }} }}"""

    with api(database_url=crm.app_url, lock_timeout_ms=50) as running, owner.locked("lead_interactions"):
        body = running.ask(query, viewer=filled.viewer()).json()

    assert {"tasks": "TIMEOUT", "more": "TIMEOUT"} == {e["path"][0]: e["extensions"]["code"] for e in body["errors"]}
    assert {
        "tasks": None,
        "more": None,
        "lead": None,
        "contact": {"displayName": "Cora Contact"},
    } == body["data"]


def test_a_relation_that_cant_be_loaded_is_null_and_the_others_are_there(
    crm: CrmDatabase, owner: Owner, filled: Organization
) -> None:
    filled.task(contact_id=filled.contact())
    query = "{ tasks { nodes { contact { id } assignee { displayName } lead { id } } } }"

    with api(database_url=crm.app_url, lock_timeout_ms=50) as running, owner.locked("contacts"):
        body = running.ask(query, viewer=filled.viewer()).json()

    assert [("TIMEOUT", ["tasks", "nodes", number, "contact"]) for number in (0, 1)] == sorted(
        (error["extensions"]["code"], error["path"]) for error in body["errors"]
    )
    node = {"contact": None, "assignee": {"displayName": "Una User"}, "lead": None}
    assert [node, node] == body["data"]["tasks"]["nodes"]


def test_a_pool_that_stays_full_is_unavailable(crm: CrmDatabase, owner: Owner, filled: Organization) -> None:
    limits = {
        "pool_size": 1,
        "pool_wait_ms": 500,
        "lock_timeout_ms": 8_000,
        "statement_timeout_ms": 8_000,
    }
    with connected(database_url=crm.app_url, **limits) as running, ThreadPoolExecutor(1) as threads:
        with owner.locked("lead_interactions"):
            waiting = threads.submit(running.data, filled.viewer(), TASKS)
            owner.wait_for_waiters()
            refused = running.ask(TASKS, viewer=filled.viewer())

        assert ANSWER == waiting.result()["tasks"]
    assert (503, ["UNAVAILABLE"]) == (refused.status_code, [e["extensions"]["code"] for e in refused.json()["errors"]])
    assert refused.headers["retry-after"]


CREATE = f'createTask(input: {{subject: "x", leadId: "{UUID(int=1)}"}}) {{ task {{ id }} }}'


@pytest.mark.parametrize(("kind", "field"), [("query", "tasks { totalCount }"), ("mutation", CREATE)])
def test_a_full_pool_is_waited_for_once_by_all_fields_together(
    crm: CrmDatabase, owner: Owner, filled: Organization, kind: str, field: str
) -> None:
    document = f"{kind} {{ {' '.join(f'a{n}: {field}' for n in range(30))} }}"
    limits = {
        "pool_size": 1,
        "pool_wait_ms": 500,
        "lock_timeout_ms": 20_000,
        "statement_timeout_ms": 20_000,
    }
    with connected(database_url=crm.app_url, **limits) as running, ThreadPoolExecutor(1) as threads:
        with owner.locked("lead_interactions"):
            waiting = threads.submit(running.data, filled.viewer(), TASKS)
            owner.wait_for_waiters()
            refused = running.ask(document, viewer=filled.viewer())
        waiting.result()

    assert 503 == refused.status_code
    assert {"UNAVAILABLE"} == {error["extensions"]["code"] for error in refused.json()["errors"]}
    assert refused.elapsed.total_seconds() < 30 * 0.5 / 2


def test_a_record_that_goes_while_it_is_linked_is_not_found(api: Api, owner: Owner, filled: Organization) -> None:
    create = """mutation ($id: ID!) { createTask(input: {subject: "New", contactId: $id}) {
      task { id } errors { __typename ... on UserError { path } } } }"""
    contact = filled.contact()

    with ThreadPoolExecutor(1) as threads, owner.transaction(f"DELETE FROM contacts WHERE id = '{contact}'"):
        waiting = threads.submit(api.data, filled.viewer(), create, id=str(contact))
        owner.wait_for_waiters()
        owner.run("COMMIT")
        payload = waiting.result()["createTask"]

    assert {
        "task": None,
        "errors": [{"__typename": "RecordNotFoundError", "path": ["input", "contactId"]}],
    } == payload
    assert 1 == api.data(filled.viewer(), TASKS)["tasks"]["totalCount"]


@pytest.mark.slow
def test_the_loser_of_a_deadlock_is_told_to_try_again(crm: CrmDatabase, filled: Organization) -> None:
    create = """mutation ($lead: ID!, $contact: ID!) {
      createTask(input: {subject: "New", leadId: $lead, contactId: $contact}) { task { id } } }"""
    ids = {"lead": str(filled.lead()), "contact": str(filled.contact())}

    limits: dict[str, Any] = {"lock_timeout_ms": 8_000, "statement_timeout_ms": 8_000}
    with (
        owner_of(crm, is_superuser=True) as rival,
        api(database_url=crm.app_url, **limits) as running,
        ThreadPoolExecutor(1) as threads,
    ):
        rival.run("SET deadlock_timeout = '1min'")  # so that it is never the one to lose
        rival.run(f"BEGIN; UPDATE leads SET notes = 'x' WHERE id = '{ids['lead']}'")
        waiting = threads.submit(running.codes, filled.viewer(), create, **ids)
        rival.wait_for_waiters()
        # The task's key holds the contact, its trigger waits for the lead.
        rival.run(f"SELECT FROM contacts WHERE id = '{ids['contact']}' FOR UPDATE; ROLLBACK")

    assert ["TIMEOUT"] == waiting.result()


@pytest.mark.slow
def test_a_database_that_goes_is_unavailable_until_it_is_back(database: CrmDatabase) -> None:
    with owner_of(database) as owner:
        organization = new_organization(owner)
        organization.task(contact_id=organization.contact())

    with api(database_url=database.app_url) as running:
        before = running.data(organization.viewer(), TASKS)["tasks"]
        database.close_to_connections()
        away = [running.ask(TASKS, viewer=organization.viewer()) for _ in range(3)]
        database.open_to_connections()
        after = running.data(organization.viewer(), TASKS)["tasks"]

    assert ANSWER == before
    assert ANSWER == after
    assert [503] * 3 == [answer.status_code for answer in away]
    assert {"UNAVAILABLE"} == {error["extensions"]["code"] for answer in away for error in answer.json()["errors"]}
    assert all(answer.headers["retry-after"] for answer in away)


@pytest.mark.slow
def test_a_connection_that_is_cut_while_idle_is_replaced(database: CrmDatabase) -> None:
    with owner_of(database) as owner:
        filled = new_organization(owner)
        filled.task(contact_id=filled.contact())

    with api(database_url=database.app_url, pool_size=1) as running:
        before = running.data(filled.viewer(), TASKS)["tasks"]
        cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'crm_app'"
        database.psql(f"{cut} AND datname = '{database.name}'")
        answers = [running.ask(TASKS, viewer=filled.viewer()) for _ in range(2)]

    assert ANSWER == before
    assert {200, 503} >= {answer.status_code for answer in answers}  # the first one may still meet the dead connection
    assert ANSWER == answers[-1].json()["data"]["tasks"]


def test_an_answer_that_ends_early_gives_its_connection_back(single: Api, filled: Organization) -> None:
    """A field that can't be null ends the whole answer at once, while its siblings still ask."""
    query = '{ searchRecords(search: "x", first: 99) { id } tasks { totalCount nodes { contact { lead { id } } } } }'

    bodies = [single.ask(query, viewer=filled.viewer()).json() for _ in range(5)]

    assert [None] * 5 == [body["data"] for body in bodies]
    assert {"LIMIT_EXCEEDED"} == {error["extensions"]["code"] for body in bodies for error in body["errors"]}
    assert ANSWER == single.data(filled.viewer(), TASKS)["tasks"]


@pytest.mark.parametrize(
    ("change", "failure"),
    [
        (lambda url: url.replace("postgresql://", "mysql://"), SettingsInvalid),
        (lambda _: "postgresql://somebody@127.0.0.1:99999/crm", SettingsInvalid),
        (lambda url: url.replace(f"{APP}:", f"{APP}:wrong"), DatabaseRefused),
        (
            lambda url: url.replace(f"/{url.partition('@/')[2].partition('?')[0]}?", "/no_such_database?"),
            DatabaseRefused,
        ),
        (lambda _: NOWHERE, Unavailable),
    ],
    ids=["scheme", "port", "password", "database", "nobody"],
)
def test_what_is_wrong_with_an_address_is_told_apart(
    crm: CrmDatabase, change: Callable[[str], str], failure: type[Exception]
) -> None:
    settings = Settings(database_url=SecretStr(change(crm.app_url)))

    with pytest.raises(failure) as raised:
        asyncio.run(check(settings))

    assert failure is raised.type


def test_what_an_operator_must_mend_is_logged_and_clients_are_told_to_wait(
    crm: CrmDatabase, filled: Organization, caplog: pytest.LogCaptureFixture
) -> None:
    with api(database_url=crm.app_url.replace(f"{APP}:", f"{APP}:wrong")) as refused:
        answer = refused.ask(TASKS, viewer=filled.viewer())

    assert 503 == answer.status_code
    assert ["UNAVAILABLE"] == [error["extensions"]["code"] for error in answer.json()["errors"]]
    assert "DATABASE_URL" not in answer.text
    assert "password authentication failed" in caplog.text


def test_a_change_that_failed_in_part_is_not_committed(crm: CrmDatabase) -> None:
    async def go_on_after_a_failure() -> None:
        database = database_of(Settings(database_url=SecretStr(crm.app_url)))
        await database.open()
        try:
            async with database.session(UUID(int=1)) as session, session.write(UUID(int=2)):
                with suppress(ConstraintViolated):
                    await session.rows(Statement(REFUSED_INSERT, (), {}))
        finally:
            await database.close()

    with pytest.raises(Unavailable, match="undone"):
        asyncio.run(go_on_after_a_failure())


def test_a_write_within_a_write_is_undone_with_it(crm: CrmDatabase, owner: Owner, filled: Organization) -> None:
    finished = Statement(f"UPDATE lead_interactions SET subject = 'Done' WHERE organization_id = '{filled.id}'", (), {})

    async def give_up_after_the_inner_one() -> None:
        database = database_of(Settings(database_url=SecretStr(crm.app_url)))
        await database.open()
        try:
            async with database.session(filled.id) as session, session.write(filled.user_id):
                async with session.write(filled.user_id):
                    await session.rows(finished)
                raise Unavailable("Given up.")
        finally:
            await database.close()

    with pytest.raises(Unavailable, match="Given up"):
        asyncio.run(give_up_after_the_inner_one())
    assert ["Call"] == [
        row["subject"]
        for row in owner.rows(f"SELECT subject FROM lead_interactions WHERE organization_id = '{filled.id}'")
    ]


@pytest.mark.slow
def test_a_subscriber_waits_for_a_connection_longer_than_a_request_does(
    crm: CrmDatabase, owner: Owner, filled: Organization
) -> None:
    viewer, contact = filled.viewer(), filled.contact()

    with (
        connected(database_url=crm.app_url, pool_size=1, pool_wait_ms=200) as single,
        ThreadPoolExecutor() as pool,
        greeted(single, viewer) as socket,
    ):
        with owner.locked("lead_interactions"):
            first = pool.submit(single.ask, TASKS, viewer=viewer)
            owner.wait_for_waiters()
            socket.subscribe("subscription { taskEvents { task { subject } } }")
            assert ["UNAVAILABLE"] == single.codes(viewer, TASKS)
            assert socket.is_quiet()
        assert "errors" not in first.result().json()

        def is_told_of_a_task() -> bool:
            filled.task(contact_id=contact, subject="Told")
            return not socket.is_quiet(0.2)

        assert eventually(is_told_of_a_task)
        filled.task(contact_id=contact, subject="Told")
        assert {"taskEvents": {"task": {"subject": "Told"}}} == socket.data()


@pytest.mark.slow
def test_a_follower_says_once_that_it_can_not_read(
    database: CrmDatabase, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_events, "RETRY_S", 0.01)
    tried: list[Session] = []

    async def follow_while_it_is_away() -> list[LiveEvent]:
        crm = database_of(Settings(database_url=SecretStr(database.app_url)))
        await crm.open()

        def session() -> Session:
            tried.append(crm.session(organization.id))
            if len(tried) == 6:
                database.open_to_connections()
                database.psql(
                    "INSERT INTO lead_interactions (organization_id, user_id, contact_id, interaction_type, subject)"
                    f" VALUES ('{organization.id}', '{organization.user_id}', '{contact}', 'task', 'Call')"
                )
            return tried[-1]

        try:
            async with crm.session(organization.id) as first:
                place = await current_place(first)
            database.close_to_connections()
            async with aclosing(live_events.follow(Live(Bell(), session), View(), place)) as events:
                return await anext(events)
        finally:
            await crm.close()

    with owner_of(database) as owner:
        organization = new_organization(owner)
        contact = organization.contact()
    asyncio.run(follow_while_it_is_away())

    told = [record.getMessage() for record in caplog.records if "events could not be read" in record.message]
    assert 1 == len(told), told
    assert "trying again every" in told[0]


def test_what_nobody_waits_for_any_more_is_not_logged(crm: CrmDatabase) -> None:
    told: list[dict[str, Any]] = []

    async def fail(_: Session, __: Sequence[UUID]) -> list[UUID]:
        raise Unavailable("Away.")

    async def leave_while_it_loads() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context))
        async with database_of(Settings(database_url=SecretStr(crm.app_url))).session(UUID(int=1)) as session:
            loader = Loader(Rounds(session), session, fail, lambda row: row)
            reader = asyncio.ensure_future(loader.load(UUID(int=2)))
            reader.cancel()
            await asyncio.wait(asyncio.all_tasks() - {asyncio.current_task()})  # the round, and the reader
        del loader
        gc.collect()

    asyncio.run(leave_while_it_loads())

    assert [] == told


@pytest.mark.slow
@pytest.mark.parametrize("times", [1, 2], ids=["once", "again-while-it-is-stopped"])
def test_what_is_given_up_fails_at_once_and_so_does_all_that_waits(crm: CrmDatabase, times: int) -> None:
    slow, quick = Statement("SELECT pg_sleep(30)", (), {}), Statement("SELECT 1 AS one", (), {})

    async def give_up() -> list[object]:
        database = database_of(Settings(database_url=SecretStr(crm.app_url)))
        await database.open()
        try:
            async with database.session(UUID(int=1)) as session, asyncio.timeout(10):
                running = asyncio.gather(session.rows(slow), session.rows(quick), return_exceptions=True)
                while not session.statements:  # noqa: ASYNC110 - it tells nobody
                    await asyncio.sleep(0)
                for _ in range(times):
                    session.give_up()
                    await asyncio.sleep(0)
                return [*await running, *await asyncio.gather(session.rows(quick), return_exceptions=True)]
        finally:
            await database.close()

    assert [TimedOut] * 3 == [type(failure) for failure in asyncio.run(give_up())]


@pytest.mark.slow
def test_an_operation_stopped_at_any_moment_leaves_nothing_unawaited(crm: CrmDatabase, filled: Organization) -> None:
    query = "{ one: tasks { totalCount } another: tasks { nodes { subject contact { displayName } } } }"
    schema, viewer = build_schema([guards()]), filled.viewer()
    stopped: set[object] = set()
    told: list[dict[str, object]] = []  # of those that were stopped: some are done before, if the loop's turns are long

    async def send(message: dict[str, object]) -> None:
        if message["id"] in stopped:
            told.append(message)

    async def stop_at_each_moment() -> None:
        database = database_of(Settings(database_url=SecretStr(crm.app_url)))
        await database.open()
        operations = SocketOperations(
            schema,
            TrustedDocuments({}, is_only=False),
            lambda who: Context(who, database.session(who.organization_id), 1),
            Access("r"),
            AccessLog(),
            send=send,
            finish=print,
        )
        for turns in range(60):
            id_ = str(turns)
            operations.start(id_, {"query": query}, viewer)
            for _ in range(turns):
                await asyncio.sleep(0)
            operations.stop(id_)
            stopped.add(id_)
        await operations.stop_all()
        assert {asyncio.current_task()} == asyncio.all_tasks()
        await database.close()

    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        asyncio.run(stop_at_each_moment())
        gc.collect()

    assert ([], []) == (told, [str(warning.message) for warning in seen])
