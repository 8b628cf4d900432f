"""Whatever bytes come, over HTTP or a WebSocket: the answer is JSON with a code, or the connection's orderly end."""

import json
import socket
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from websockets.exceptions import ConnectionClosed

from server import socket_messages
from tests.apis import Api, api
from tests.databases import CrmDatabase
from tests.deadlines import DEADLINE_S
from tests.messages import GRAPHQL_JSON, JSON, LEAKS, VIEWER
from tests.sockets import greeted

pytestmark = pytest.mark.slow

EXAMPLES = 1_000
CODES = {
    "BAD_USER_INPUT",
    "LIMIT_EXCEEDED",
    "NOT_FOUND",
    "UNAUTHENTICATED",
    "FORBIDDEN",
    "TIMEOUT",
    "PERSISTED_QUERY_NOT_FOUND",
    "VALIDATION",
}
CLOSE_CODES = {value for name, value in vars(socket_messages).items() if name.isupper() and isinstance(value, int)}
LAST = {"last": True}
# Not made smaller when it fails: what came before may have a part in it.
thorough = settings(max_examples=EXAMPLES, phases=[Phase.generate], database=None)

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.just(VIEWER),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
documents = st.sampled_from(
    [VIEWER, "query A { viewer { role } }", "{", "{ nobody }", "{ tasks(first: -1) { nodes { id } } }"]
)
operations = st.fixed_dictionaries(
    {"query": documents},
    optional={
        "variables": st.none() | st.dictionaries(st.text(max_size=8), values),
        "operationName": st.just("A") | values,
    },
)
keys = st.sampled_from(["query", "variables", "operationName", "extensions", "documentId"])
bodies = st.one_of(
    operations.map(lambda value: json.dumps(value).encode()),
    st.binary(max_size=60),
    values.map(lambda value: json.dumps(value).encode()),
    st.dictionaries(keys, values).map(lambda value: json.dumps(value).encode()),
    st.tuples(values, st.integers(0, 40)).map(lambda drawn: json.dumps({"query": drawn[0]}).encode()[: drawn[1]]),
)
messages = st.one_of(
    st.builds(
        lambda id_, payload: {"type": "subscribe", "id": id_, "payload": payload}, st.text("ab", min_size=1), operations
    ).map(json.dumps),
    st.sampled_from(['{"type": "complete", "id": "a"}', '{"type": "ping"}', '{"type": "pong", "payload": {"a": 1}}']),
    st.binary(max_size=40),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=40),
    values.map(json.dumps),
    st.fixed_dictionaries(
        {"type": st.sampled_from(["connection_init", "subscribe", "complete", "ping", "pong", "next", "x"]) | values},
        optional={"id": st.text(max_size=4) | values, "payload": st.dictionaries(keys, values) | values},
    ).map(json.dumps),
)


@pytest.fixture(scope="module")
def served(crm: CrmDatabase) -> Iterator[Api]:
    with api(database_url=crm.app_url, read_timeout_ms=300, max_body_bytes=10_000) as running:
        yield running


def answered(served: Api, sent: bytes) -> bytes:
    """Send bytes and no more, and return all that comes back."""
    url = served.client.base_url
    with socket.create_connection((url.host, url.port or 80), timeout=DEADLINE_S) as connection:
        with suppress(ConnectionError):
            connection.sendall(sent)
            connection.shutdown(socket.SHUT_WR)
        with suppress(ConnectionError):
            return connection.makefile("rb").read()
    return b""


def check(answer: bytes) -> str:
    """Hold the first answer of a connection against what is promised; return its status, or that there was none."""
    if not answer:
        return "none"
    head, _, body = answer.partition(b"\r\n\r\n")
    line, *headers = head.decode("latin-1").lower().split("\r\n")
    status = int(line.split()[1])
    fields = dict(header.split(": ", 1) for header in headers)
    assert status < 500, answer
    if status < 400:
        return str(status)
    assert {JSON, GRAPHQL_JSON} >= {fields["content-type"]}, answer
    assert "x-request-id" in fields
    if body:  # HEAD has none
        told = json.loads(body[: int(fields["content-length"])])
        assert not LEAKS.search(str(told)), told
        codes = {told["code"]} if "code" in told else {error["extensions"]["code"] for error in told["errors"]}
        assert codes <= CODES, told
    return str(status)


@st.composite
def requests(draw: st.DrawFn, token: str) -> bytes:
    """Draw a request, sound but for a few of its bytes."""
    method = draw(st.sampled_from(["GET", "POST", "POST", "PUT", "HEAD", "OPTIONS", "BREW"]))
    path = draw(
        st.sampled_from(["/graphql", "/graphql?query=%7Bviewer%7D", "/api/tasks", "/nobody", "*", "//", "/%00"])
    )
    body = draw(bodies)
    headers = {
        "Host": draw(st.sampled_from(["x", "", "\xff", "a b"])),
        "Authorization": draw(st.sampled_from([f"Bearer {token}"] * 3 + ["Bearer x", "Basic x", "\xe9"])),
        "Content-Type": draw(st.sampled_from([JSON] * 3 + ["text/plain", "application/json; charset=x", ";;="])),
        "Content-Length": draw(st.sampled_from([str(len(body))] * 4 + ["-1", "9" * 30, "x", "3"])),
        "X-Request-Id": draw(st.text(st.characters(max_codepoint=255, exclude_characters="\r\n"), max_size=8)),
    }
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
    sent = bytearray("\r\n".join(lines).encode("latin-1") + body)
    for place in draw(st.lists(st.integers(0, len(sent) - 1), max_size=draw(st.sampled_from([0, 0, 3])))):
        sent[place] = draw(st.integers(0, 255))
    return bytes(sent)


def test_any_bytes_are_answered_in_json_or_not_at_all(served: Api) -> None:
    found: Counter[str] = Counter()

    @thorough
    @given(sent=st.binary(max_size=80) | requests(served.token()))
    def send(sent: bytes) -> None:
        found[check(answered(served, sent))] += 1

    send()

    assert EXAMPLES <= found.total()
    assert {"400", "401", "404"} <= found.keys(), found


def test_any_body_is_answered_in_json(served: Api) -> None:
    found: Counter[int] = Counter()

    @thorough
    @given(content=bodies)
    def send(content: bytes) -> None:
        response = served.client.post("/graphql", content=content, headers=served.headers({"content-type": JSON}))
        assert JSON == response.headers["content-type"]
        assert response.status_code < 500, (content, response.text)
        told = response.json().get("errors", [])
        assert not LEAKS.search(" ".join(error["message"] for error in told)), told
        assert {error["extensions"]["code"] for error in told} <= CODES, told
        found[response.status_code] += 1

    send()

    assert 0.9 * EXAMPLES <= found.total()
    assert {200, 400} <= found.keys(), found


def test_any_message_is_answered_or_ends_its_socket_with_a_code(served: Api) -> None:
    found: Counter[object] = Counter()

    @settings(thorough, max_examples=EXAMPLES // 2)
    @given(sent=st.lists(messages, min_size=1, max_size=4))
    def send(sent: list[str | bytes]) -> None:
        with greeted(served) as client:
            try:
                for message in sent:
                    client.connection.send(message)
                client.send(type="ping", payload=LAST)
                while (answer := client.receive()) != {"type": "pong", "payload": LAST}:
                    assert answer["type"] in {"next", "error", "complete", "ping", "pong"}, answer
                    assert not LEAKS.search(str(answer)), answer
                    found[answer["type"]] += 1
            except ConnectionClosed as closed:
                ended = closed.rcvd
            else:
                return
        assert ended, "the socket broke"
        assert ended.code in CLOSE_CODES, ended
        assert not LEAKS.search(ended.reason)
        found[ended.code] += 1

    send()

    assert EXAMPLES // 2 <= found.total()
    assert {"error", socket_messages.INVALID} <= found.keys(), found
