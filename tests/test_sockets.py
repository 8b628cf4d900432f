"""GraphQL over WebSocket keeps to its protocol: each misuse has its code, and nothing else ends a socket."""

import json
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from websockets.typing import Subprotocol

from server import sign_in, socket_messages
from server.socket_operations import MOST_OPERATIONS
from tests.apis import SOMEBODY, Api
from tests.organizations import Organization
from tests.sockets import Socket, greeted, opened

NAME = "{ viewer { organizationId } }"


@pytest.fixture
def socket(api: Api, organization: Organization) -> Iterator[Socket]:
    with greeted(api, organization.viewer()) as socket:
        yield socket


@pytest.mark.parametrize("protocol", [None, Subprotocol("graphql-ws"), Subprotocol("wrong")])
def test_another_sub_protocol_is_not_acceptable(api: Api, protocol: Subprotocol | None) -> None:
    with opened(api, protocol=protocol) as socket:
        assert socket_messages.UNACCEPTABLE == socket.close_code()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        "1",
        '"connection_init"',
        "{}",
        '{"type": 1}',
        '{"type": null}',
        '{"type": "start"}',
        '{"type": "subscribe"}',
        '{"type": "subscribe", "id": 1, "payload": {}}',
        '{"type": "subscribe", "id": "", "payload": {}}',
        '{"type": "complete"}',
        "[" * 10_000,
        "1" * 5_000,
    ],
)
def test_what_is_no_message_ends_the_socket_with_4400(socket: Socket, text: str) -> None:
    socket.connection.send(text)

    assert socket_messages.INVALID == socket.close_code()


def test_a_binary_message_ends_the_socket_with_4400(socket: Socket) -> None:
    socket.connection.send(b'{"type": "ping"}')

    assert socket_messages.INVALID == socket.close_code()


def test_who_subscribes_before_signing_in_is_unauthorized(api: Api) -> None:
    with opened(api) as socket:
        socket.subscribe(NAME)

        assert socket_messages.UNAUTHORIZED == socket.close_code()


@pytest.mark.parametrize(
    "payload", [None, {}, [], {"authorization": None}, {"authorization": "Bearer x"}, {"authorization": "x"}]
)
def test_who_brings_no_good_token_is_forbidden(api: Api, payload: object) -> None:
    with opened(api) as socket:
        socket.send(type="connection_init", payload=payload)

        assert socket_messages.FORBIDDEN == socket.close_code()


def test_saying_who_one_is_twice_is_too_many(socket: Socket) -> None:
    socket.send(type="connection_init")

    assert socket_messages.TOO_MANY == socket.close_code()


@pytest.mark.slow
def test_who_never_says_who_they_are_is_too_late(api: Api) -> None:
    with opened(api) as socket:
        assert socket_messages.TOO_LATE == socket.close_code()


@pytest.mark.slow
def test_a_socket_ends_soon_after_its_token(api: Api) -> None:
    token = sign_in.issue(api.settings, SOMEBODY, lifetime=timedelta(seconds=1))
    with opened(api) as socket:
        socket.send(type="connection_init", payload={"Authorization": f"Bearer {token}"})
        assert {"type": "connection_ack"} == socket.receive()

        assert socket_messages.FORBIDDEN == socket.close_code()


def test_an_id_that_is_under_way_is_taken(socket: Socket) -> None:
    for _ in range(2):
        socket.send(type="subscribe", id="a", payload={"query": "subscription { taskEvents { type } }"})

    assert socket_messages.TAKEN == socket.close_code()


def test_an_id_is_free_again_when_its_operation_has_ended(socket: Socket) -> None:
    for _ in range(2):
        socket.send(type="subscribe", id="a", payload={"query": NAME})
        assert ["next", "complete"] == [socket.receive()["type"] for _ in range(2)]


def test_more_operations_than_a_socket_may_have_end_it(socket: Socket) -> None:
    for number in range(MOST_OPERATIONS + 1):
        query = "subscription { taskEvents { type } }"
        socket.send(type="subscribe", id=str(number), payload={"query": query})

    assert socket_messages.TOO_MANY == socket.close_code()


def test_a_ping_is_answered_with_its_payload(socket: Socket) -> None:
    socket.send(type="ping")
    socket.send(type="ping", payload={"a": 1})
    socket.send(type="pong")

    assert [{"type": "pong"}, {"type": "pong", "payload": {"a": 1}}] == [socket.receive() for _ in range(2)]


def test_a_ping_that_can_be_read_but_not_written_is_refused(socket: Socket) -> None:
    socket.connection.send('{"type": "ping", "payload": ' + '{"a": ' * 300 + "1" + "}" * 301)

    assert socket_messages.INVALID == socket.close_code()


def test_queries_and_mutations_are_answered_too(socket: Socket, organization: Organization) -> None:
    contact = organization.contact()
    query = socket.subscribe(NAME)
    assert {"viewer": {"organizationId": str(organization.id)}} == socket.data()
    assert {"id": query, "type": "complete"} == socket.receive()

    create = 'mutation($id: ID!) { createTask(input: {subject: "By socket", contactId: $id}) { task { subject } } }'
    socket.subscribe(create, {"id": str(contact)})

    assert {"createTask": {"task": {"subject": "By socket"}}} == socket.data()


@pytest.mark.parametrize(
    "payload",
    [
        None,
        [],
        {"query": None},
        {"query": ""},
        {"query": "{"},
        {"query": "{ nothing }"},
        {"query": 'subscription { taskEvents { type } timelineEvents(record: {leadId: "x"}) { type } }'},
        {"query": NAME, "variables": []},
        {"query": "query A { viewer { role } } query B { viewer { role } }"},
        {"query": NAME, "operationName": "Other"},
        {"query": "subscription { timelineEvents(record: {}) { type } }"},
        {"query": 'subscription { timelineEvents(record: {leadId: "x"}) { type } }'},
        {"query": 'subscription { taskEvents(since: "x") { type } }'},
    ],
)
def test_a_bad_document_has_its_error_and_the_socket_lives(socket: Socket, payload: object) -> None:
    socket.send(type="subscribe", id="a", payload=payload)

    message = socket.receive()

    assert ("error", "a") == (message["type"], message["id"]), message
    assert {"BAD_USER_INPUT"} == {error["extensions"]["code"] for error in message["payload"]}
    socket.send(type="ping")
    assert {"type": "pong"} == socket.receive()


def test_a_timeline_of_nobody_is_not_found(socket: Socket) -> None:
    socket.subscribe(f'subscription {{ timelineEvents(record: {{leadId: "{SOMEBODY.user_id}"}}) {{ type }} }}')

    assert "NOT_FOUND" == socket.receive()["payload"][0]["extensions"]["code"]


def test_a_completed_operation_says_no_more(socket: Socket, organization: Organization) -> None:
    id_ = socket.subscribe("subscription { taskEvents { type } }")
    socket.send(type="complete", id=id_)
    socket.send(type="complete", id="never begun")
    organization.task(contact_id=organization.contact())

    assert socket.is_quiet()


def test_events_can_not_be_had_by_http(api: Api, organization: Organization) -> None:
    query = "subscription { taskEvents { type } }"

    assert ["BAD_USER_INPUT"] == api.codes(organization.viewer(), query)


def test_a_message_is_never_echoed_beyond_a_line(socket: Socket) -> None:
    socket.connection.send(json.dumps({"type": "x" * 50_000}))

    assert socket_messages.INVALID == socket.close_code()


def test_the_docs_name_every_close_code_of_ours() -> None:
    page = (Path(__file__).parent.parent / "docs" / "live-events.md").read_text()
    named = {int(code) for code in re.findall(r"^\| (\d{4}) \|", page, re.MULTILINE)}
    ours = {
        value
        for name, value in vars(socket_messages).items()
        if name.isupper() and isinstance(value, int) and value > 1_000
    }

    assert ours <= named
