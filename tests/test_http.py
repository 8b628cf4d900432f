"""GraphQL over HTTP: which requests are read, how long they may be and take, and how they are answered."""

import json
import socket
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.apis import Api, api
from tests.deadlines import DEADLINE_S
from tests.messages import ANSWER, GRAPHQL_JSON, JSON, VIEWER, body, code_of, everything_answered, exchange


@pytest.fixture(scope="module")
def served() -> Iterator[Api]:
    with api(max_body_bytes=10_000) as running:
        yield running


def test_a_query_by_post_is_answered(served: Api) -> None:
    response = served.ask(VIEWER)

    assert (200, JSON) == (response.status_code, response.headers["content-type"])
    assert ANSWER == response.json()


def test_a_query_by_get_is_answered(served: Api) -> None:
    response = served.client.get(
        "/graphql",
        params={"query": "query A { viewer { role } } query B { __typename }", "operationName": "A", "variables": "{}"},
        headers=served.headers(),
    )

    assert ANSWER == response.json()


@pytest.mark.parametrize(
    "more",
    [
        {"variables": None, "operationName": None, "extensions": None},
        {"variables": {}, "extensions": {"any": [1, {}]}, "unknown": True},
        {"operationName": ""},
    ],
)
def test_parameters_may_be_null_or_empty(served: Api, more: dict[str, object]) -> None:
    response = served.client.post("/graphql", content=body(**more), headers=served.headers({"content-type": JSON}))

    assert ANSWER == response.json()


@pytest.mark.parametrize(
    "content_type", ["application/json", "application/json; charset=utf-8", "Application/JSON;charset=UTF8"]
)
def test_json_in_utf8_is_accepted(served: Api, content_type: str) -> None:
    headers = served.headers({"content-type": content_type})

    assert ANSWER == served.client.post("/graphql", content=body(), headers=headers).json()


BAD_BODIES = {
    "empty": b"",
    "null": b"null",
    "array": b"[]",
    "batch": b"[" + body() + b"]",
    "string": b'"{ viewer }"',
    "number": b"12",
    "true": b"true",
    "cut": b'{"query": "{ viewer',
    "NaN": b'{"query": "{ viewer { role } }", "variables": {"a": NaN}}',
    "lone surrogate": b'{"query": "\\ud800"}',
    "invalid UTF-8": b'{"query": "\xff\xfe"}',
    "UTF-16": '{"query": "{ viewer { role } }"}'.encode("utf-16"),
    "5,000 digits": b'{"query": "{ viewer { role } }", "variables": {"a": ' + b"9" * 5_000 + b"}}",
    "5,000 digits alone": b"9" * 5_000,
    "1,100 levels": b'{"query": "{ viewer { role } }", "variables": {"a": ' + b"[" * 1_100 + b"]" * 1_100 + b"}}",
    "9,000 levels open": b"[" * 9_000,
    "no query": b"{}",
    "query null": body(None),
    "query number": body(7),
    "query array": body(["{ viewer }"]),
    "query object": body({}),
    "query empty": body(""),
    "query blank": body("  \n"),
    "variables string": body(variables="{}"),
    "variables array": body(variables=[]),
    "variables number": body(variables=1),
    "extensions string": body(extensions="x"),
    "extensions array": body(extensions=[]),
    "operationName number": body(operationName=1),
    "operationName array": body(operationName=["A"]),
    "character 0": body(variables={"a": "x\0"}),
    "character 0 in a name": body(variables={"x\0": 1}),
}


@pytest.mark.parametrize("accept", [JSON, GRAPHQL_JSON, "*/*"])
@pytest.mark.parametrize("content", BAD_BODIES.values(), ids=BAD_BODIES)
def test_a_body_that_is_no_operation_is_bad_user_input(served: Api, content: bytes, accept: str) -> None:
    headers = served.headers({"content-type": JSON, "accept": accept})

    response = served.client.post("/graphql", content=content, headers=headers)

    assert (400, "BAD_USER_INPUT") == (response.status_code, code_of(response.json()))
    assert (GRAPHQL_JSON if accept == GRAPHQL_JSON else JSON) == response.headers["content-type"]


def test_a_mutation_by_get_is_refused(served: Api) -> None:
    mutation = 'mutation { createTask(input: {subject: "x"}) { task { id } } }'

    response = served.client.get("/graphql", params={"query": mutation}, headers=served.headers())

    assert (405, "BAD_USER_INPUT") == (response.status_code, code_of(response.json()))
    assert "POST" in response.headers["allow"]


@pytest.mark.parametrize("variables", ["null", "[]", "{", "12", '"x"', "9" * 5_000, "[" * 2_000])
def test_variables_in_the_address_are_checked_as_well(served: Api, variables: str) -> None:
    response = served.client.get("/graphql", params={"query": VIEWER, "variables": variables}, headers=served.headers())

    assert (200 if variables == "null" else 400) == response.status_code


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "OPTIONS", "HEAD", "TRACE"])
def test_other_methods_are_not_allowed(served: Api, method: str) -> None:
    response = served.client.request(method, "/graphql", headers=served.headers())

    assert (405, "GET, POST") == (response.status_code, response.headers["allow"])


@pytest.mark.parametrize(
    "content_type",
    [
        None,
        "text/plain",
        "text/plain; application/json",
        "application/graphql",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/jsonx",
        "application/json; charset=utf-16",
        "application/json, text/plain",
    ],
)
def test_other_content_types_are_not_supported(served: Api, content_type: str | None) -> None:
    headers = served.headers({"content-type": content_type} if content_type else {})

    response = served.client.post("/graphql", content=body(), headers=headers)

    assert (415, "BAD_USER_INPUT") == (response.status_code, code_of(response.json()))


def test_a_compressed_body_is_not_supported(served: Api) -> None:
    headers = served.headers({"content-type": JSON, "content-encoding": "gzip"})

    assert 415 == served.client.post("/graphql", content=b"\x1f\x8b", headers=headers).status_code


def test_a_body_as_long_as_allowed_is_read(served: Api) -> None:
    content = body().ljust(10_000)

    response = served.client.post("/graphql", content=content, headers=served.headers({"content-type": JSON}))

    assert ANSWER == response.json()


@pytest.mark.parametrize("is_length_announced", [True, False])
def test_a_longer_body_is_refused(served: Api, is_length_announced: bool) -> None:
    content = body().ljust(10_001)
    sent = content if is_length_announced else iter([content[:9_000], content[9_000:]])

    response = served.client.post("/graphql", content=sent, headers=served.headers({"content-type": JSON}))

    assert (413, "LIMIT_EXCEEDED") == (response.status_code, code_of(response.json()))


def test_a_body_announced_as_too_long_is_refused_before_it_is_sent(served: Api) -> None:
    head = (
        f"POST /graphql HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {served.token()}\r\n"
        "Content-Type: application/json\r\nContent-Length: 999999999999\r\n\r\n"
    )

    answer = exchange(served, head.encode())

    assert answer.startswith(b"HTTP/1.1 413 ")


@pytest.mark.slow
def test_a_body_that_stops_on_its_way_is_answered_in_time_and_its_connection_closed() -> None:
    with api(read_timeout_ms=200) as running:
        head = (
            f"POST /graphql HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {running.token()}\r\n"
            'Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{"query'
        )
        head_and_body = everything_answered(running, head.encode())

    assert head_and_body.startswith(b"HTTP/1.1 408 ")
    assert "TIMEOUT" == code_of(json.loads(head_and_body.partition(b"\r\n\r\n")[2]))


@pytest.mark.slow
def test_a_server_that_stops_tells_a_client_that_still_sends_so(caplog: pytest.LogCaptureFixture) -> None:
    with ExitStack() as stack:
        with api() as running:
            head = (
                f"POST /graphql HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {running.token()}\r\n"
                "Content-Type: application/json\r\nContent-Length: 100\r\nExpect: 100-continue\r\n\r\n"
            )
            url = running.client.base_url
            client = stack.enter_context(socket.create_connection((url.host, url.port or 80), timeout=DEADLINE_S))
            client.sendall(head.encode())
            assert b"100 Continue" in client.recv(1_000)  # the server reads, and waits
        answer = client.makefile("rb").read()

    assert answer.startswith(b"HTTP/1.1 503 ")
    assert "UNAVAILABLE" == code_of(json.loads(answer.partition(b"\r\n\r\n")[2]))
    assert not [record for record in caplog.records if record.exc_info]


@pytest.mark.parametrize(
    "sent", [b"GARBAGE\r\n\r\n", b"GET / HTTP/1.1\r\nno header\r\n\r\n", b"GET \xff HTTP/1.1\r\n\r\n"]
)
def test_what_is_no_http_is_refused_in_json_too(served: Api, sent: bytes) -> None:
    head, _, told = everything_answered(served, sent).partition(b"\r\n\r\n")

    assert head.startswith(b"HTTP/1.1 400 ")
    assert {b"content-type: application/json", b"connection: close"} <= set(head.split(b"\r\n"))
    assert b"\r\nx-request-id: " in head
    assert "BAD_USER_INPUT" == code_of(json.loads(told))


def test_a_body_that_ends_early_harms_nobody(served: Api) -> None:
    head = (
        f"POST /graphql HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {served.token()}\r\n"
        'Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{"query":'
    )

    exchange(served, head.encode(), is_cut=True)

    assert ANSWER == served.ask(VIEWER).json()


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        ("", JSON),
        ("*/*", JSON),
        ("text/html", JSON),
        (JSON, JSON),
        (GRAPHQL_JSON, GRAPHQL_JSON),
        (f"{GRAPHQL_JSON}; charset=utf-8, {JSON}; charset=utf-8", GRAPHQL_JSON),
        (f"{GRAPHQL_JSON}, {JSON};q=0.9, */*;q=0.1", GRAPHQL_JSON),
        (f"{GRAPHQL_JSON};q=0.5, {JSON}", JSON),
        (f"{GRAPHQL_JSON};q=0", JSON),
        (f"{GRAPHQL_JSON};q=x", JSON),
        (f"{GRAPHQL_JSON}, text/event-stream", GRAPHQL_JSON),
        ("text/event-stream", JSON),
        ("multipart/mixed", JSON),
    ],
)
def test_the_answer_has_the_type_that_the_client_prefers(served: Api, accept: str, media_type: str) -> None:
    response = served.client.post("/graphql", json={"query": VIEWER}, headers=served.headers({"accept": accept}))

    assert (200, media_type) == (response.status_code, response.headers["content-type"])
    assert ANSWER == response.json()
