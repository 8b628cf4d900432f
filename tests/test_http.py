"""GraphQL over HTTP: what may be sent, and how everything else is answered."""

import json
import re
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from uuid import uuid4

import pytest

from tests.apis import Api, api
from tests.databases import CrmDatabase

JSON = "application/json"
GRAPHQL_JSON = "application/graphql-response+json"
VIEWER = "{ viewer { role } }"
ANSWER = {"data": {"viewer": {"role": "ADMIN"}}}


@pytest.fixture(scope="module")
def served() -> Iterator[Api]:
    with api(max_body_bytes=10_000) as running:
        yield running


def body(query: object = VIEWER, **more: object) -> bytes:
    return json.dumps({"query": query} | more).encode()


def nested(depth: int) -> object:
    value: object = "x"
    for _ in range(depth):
        value = [value]
    return value


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


BAD_DOCUMENTS = {
    "syntax": "{",
    "only a comment": "# nothing",
    "unknown field": "{ nobody }",
    "unknown argument": "{ viewer(x: 1) { role } }",
    "no selection": "{ viewer }",
    "missing argument": "{ task { id } }",
    "wrong type": "{ task(id: {}) { id } }",
    "wrong enum": '{ searchRecords(search: "x", kinds: [BOSS]) { id } }',
    "malformed id": '{ task(id: "not-a-uuid") { id } }',
    "number as id": "{ task(id: 12345678901234567890123) { id } }",
    "malformed cursor": '{ tasks(first: 1, after: "@@") { totalCount } }',
    "negative page": "{ tasks(first: -1) { totalCount } }",
    "number beyond 32 bits": "{ tasks(first: 99999999999) { totalCount } }",
    "fragment circle": "{ viewer { ...A } } fragment A on Viewer { ...A }",
    "unknown fragment": "{ viewer { ...A } }",
    "two operations": "query A { viewer { role } } query B { viewer { role } }",
    "unknown directive": "{ viewer @nobody { role } }",
    "undefined variable": "{ task(id: $id) { id } }",
    "character 0": '{ task(id: "\\u0000") { id } }',
    "a schema": "type A { b: C }",
    "lone surrogate": '{ task(id: "\\uD800") { id } }',
    "no operation": "fragment A on Viewer { role }",
    "subscription": "subscription { tasks }",
    "two operations of one name": "query A { viewer { role } } query A { viewer { role } }",
}


@pytest.mark.parametrize("document", BAD_DOCUMENTS.values(), ids=BAD_DOCUMENTS)
def test_a_document_that_cant_be_run_is_bad_user_input(served: Api, document: str) -> None:
    plain = served.ask(document)
    strict = served.client.post("/graphql", json={"query": document}, headers=served.headers({"accept": GRAPHQL_JSON}))

    assert "BAD_USER_INPUT" == code_of(plain.json())
    assert plain.json() == strict.json()
    assert 200 == plain.status_code
    assert (200 if "data" in plain.json() else 400) == strict.status_code


@pytest.mark.parametrize(("accept", "status"), [(JSON, 200), ("*/*", 200), (GRAPHQL_JSON, 400)])
@pytest.mark.parametrize("document", [VIEWER, "query A { viewer { role } } query B { viewer { role } }"])
def test_an_operation_that_the_document_lacks_is_answered_like_any_other_mistake_in_it(
    served: Api, document: str, accept: str, status: int
) -> None:
    headers = served.headers({"content-type": JSON, "accept": accept})

    response = served.client.post("/graphql", content=body(document, operationName="Nobody"), headers=headers)

    assert (status, "BAD_USER_INPUT") == (response.status_code, code_of(response.json()))
    assert "data" not in response.json()


BAD_VARIABLES = {
    "null for non-null": ("query ($id: ID!) { task(id: $id) { id } }", {"id": None}),
    "absent": ("query ($id: ID!) { task(id: $id) { id } }", {}),
    "null over a default": ('query ($id: ID! = "x") { task(id: $id) { id } }', {"id": None}),
    "array for an id": ("query ($id: ID!) { task(id: $id) { id } }", {"id": ["x"]}),
    "true for an id": ("query ($id: ID!) { task(id: $id) { id } }", {"id": True}),
    "fraction for a number": ("query ($n: Int) { tasks(first: $n) { totalCount } }", {"n": 1.5}),
    "2^70": ("query ($n: Int) { tasks(first: $n) { totalCount } }", {"n": 2**70}),
    "text for a number": ("query ($n: Int) { tasks(first: $n) { totalCount } }", {"n": "1"}),
    "wrong enum": ('query ($k: [RecordKind!]) { searchRecords(search: "x", kinds: $k) { id } }', {"k": ["BOSS"]}),
    "text for an object": ("query ($r: RecordRef!) { timeline(record: $r) { totalCount } }", {"r": "x"}),
    "unknown key": ("query ($r: RecordRef!) { timeline(record: $r) { totalCount } }", {"r": {"None": True}}),
    "deep": ("query ($f: TaskFilter) { tasks(filter: $f) { totalCount } }", {"f": nested(90)}),
}


@pytest.mark.parametrize(("query", "variables"), BAD_VARIABLES.values(), ids=BAD_VARIABLES)
def test_variables_that_dont_fit_are_bad_user_input(served: Api, query: str, variables: dict[str, object]) -> None:
    response = served.ask(query, variables)

    assert "BAD_USER_INPUT" == code_of(response.json())


def test_null_is_called_null_as_in_json(served: Api) -> None:
    response = served.ask(
        "query ($r: RecordRef!) { timeline(record: $r) { totalCount } }", {"r": {"x": [None, True, "None"]}}
    )

    assert "{'x': [null, true, 'None']}" in response.json()["errors"][0]["message"]


def test_an_error_repeats_only_so_much_of_the_request(served: Api) -> None:
    response = served.ask("{ tasks(filter: {none: [" + "{}" * 1_000 + "]}) { totalCount } }")

    assert "BAD_USER_INPUT" == code_of(response.json())
    assert len(response.content) < 2_000


BEYOND_LIMITS = {
    "nested variables": body(variables={"a": nested(100)}),
    "tokens": body("{" + "a " * 2_500 + "}"),
    "nested selections": body("{a" * 101 + "}" * 101),
    "nested lists": body("{ tasks(filter: " + "[" * 101 + "]" * 101 + ") { totalCount } }"),
    "depth": body("{ a" * 13 + "}" * 13),
    "aliases": body("{" + " ".join(f"a{i}: viewer {{ role }}" for i in range(31)) + "}"),
    "directives": body("{ viewer" + " @skip(if: false)" * 51 + " { role } }"),
    "points": body(
        "{"
        + " ".join(
            f"a{i}: tasks(first: 200) {{ nodes {{ lead {{ id }} contact {{ id }} account {{ id }} }} }}"
            for i in range(30)
        )
        + "}"
    ),
    "introspection aliases": body("{ a: __schema { types { name } } b: __schema { types { name } } }"),
    "digits": body("{ tasks(first: " + "9" * 5_000 + ") { totalCount } }"),
}


@pytest.mark.parametrize("content", BEYOND_LIMITS.values(), ids=BEYOND_LIMITS)
def test_an_operation_beyond_a_limit_is_refused(served: Api, content: bytes) -> None:
    response = served.client.post("/graphql", content=content, headers=served.headers({"content-type": JSON}))

    assert response.status_code in {200, 400}
    assert "LIMIT_EXCEEDED" == code_of(response.json())
    assert "data" not in response.json()


def test_a_page_beyond_the_limit_is_left_to_its_field_to_refuse(served: Api) -> None:
    response = served.ask("{ tasks(first: 100000) { totalCount } viewer { role } }")

    assert "LIMIT_EXCEEDED" == code_of(response.json())
    assert {"tasks": None, "viewer": {"role": "ADMIN"}} == response.json()["data"]


def test_fragments_that_multiply_one_another_are_refused_at_once(served: Api) -> None:
    # 2^60 objects: one by one they would outlast every client.
    bomb = "".join(f"fragment F{i} on Contact {{ ...F{i + 1} ...F{i + 1} }}" for i in range(60))
    query = "{ contact(id: 1) { ...F0 } }" + bomb + "fragment F60 on Contact { owner { id } }"

    response = served.ask(query)

    assert "LIMIT_EXCEEDED" == code_of(response.json())


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
            client = stack.enter_context(socket.create_connection((url.host, url.port or 80), timeout=5))
            client.sendall(head.encode())
            assert b"100 Continue" in client.recv(1_000)  # the server reads, and waits
        answer = client.makefile("rb").read()

    assert answer.startswith(b"HTTP/1.1 503 ")
    assert "UNAVAILABLE" == code_of(json.loads(answer.partition(b"\r\n\r\n")[2]))
    assert not [record for record in caplog.records if record.exc_info]


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


def test_without_its_database_the_api_is_unavailable_and_says_when_to_retry(served: Api) -> None:
    response = served.ask("{ tasks(first: 1) { totalCount } }")

    assert (503, "UNAVAILABLE") == (response.status_code, code_of(response.json()))
    assert int(response.headers["retry-after"]) > 0
    assert "connect" not in response.text.lower()


@pytest.mark.slow
def test_the_api_serves_again_as_soon_as_its_database_is_back(database: CrmDatabase) -> None:
    count = "{ tasks(first: 1) { totalCount } }"
    with api(database_url=database.app_url) as running:
        before = running.ask(count).status_code
        database.close_to_connections()
        away = running.ask(count)
        database.open_to_connections()
        after = running.ask(count).status_code

    assert (200, 503, 200) == (before, away.status_code, after)
    assert "UNAVAILABLE" == code_of(away.json())


@pytest.mark.slow
def test_an_unexpected_failure_is_masked_and_logged_whole(
    database: CrmDatabase, caplog: pytest.LogCaptureFixture
) -> None:
    database.psql("DROP TABLE lead_interactions CASCADE")

    with api(database_url=database.app_url) as running:
        response = running.ask("{ tasks(first: 1) { totalCount } viewer { role } }")

    request_id = response.headers["x-request-id"]
    (error,) = response.json()["errors"]
    (record,) = [record for record in caplog.records if request_id in record.message and record.exc_info]
    assert "INTERNAL" == code_of(response.json())
    assert {"tasks": None, "viewer": {"role": "ADMIN"}} == response.json()["data"]
    assert error["message"].endswith(f"request id {request_id}.")
    assert "lead_interactions" not in response.text
    assert "lead_interactions" in str(record.exc_info)


@pytest.mark.slow
def test_a_database_role_that_row_security_doesnt_bind_serves_nothing(database: CrmDatabase) -> None:
    with api(database_url=database.owner_url) as running:
        response = running.ask("{ tasks(first: 1) { totalCount } }")

    assert "INTERNAL" == code_of(response.json())
    assert "crm_owner" not in response.text


@pytest.mark.slow
def test_the_demo_shows_the_cost_of_each_answer(database: CrmDatabase) -> None:
    with api(database_url=database.app_url, demo_organization_id=uuid4()) as running:
        cost = running.ask("{ tasks(first: 5) { nodes { id } } }").json()["extensions"]["cost"]
    with api(database_url=database.app_url) as running:
        plain = running.ask("{ tasks(first: 5) { nodes { id } } }").json()

    assert {"points", "statements", "ms"} == set(cost)
    assert (6, 1) == (cost["points"], cost["statements"])
    assert "extensions" not in plain


def test_a_sound_request_id_comes_back(served: Api) -> None:
    response = served.client.get("/graphql", headers={"X-Request-Id": "my-id.1:2_3"})

    assert "my-id.1:2_3" == response.headers["x-request-id"]


@pytest.mark.parametrize("given", ["", "a b", "x" * 65, "é", "<script>", "a\tb"])
def test_an_unsound_request_id_is_replaced(served: Api, given: str) -> None:
    response = served.client.get("/graphql", headers={b"X-Request-Id": given.encode()})

    assert re.fullmatch("[0-9a-f]{32}", response.headers["x-request-id"])


def test_an_unknown_address_is_answered_in_json(served: Api) -> None:
    response = served.client.get("/nobody")

    assert (404, "NOT_FOUND") == (response.status_code, code_of(response.json()))


def code_of(answer: dict[str, list[dict[str, dict[str, str]]]]) -> str:
    """Return the only code of an answer; no message in it may show what we are made of."""
    messages = " ".join(str(error["message"]) for error in answer["errors"])
    assert not re.search(
        r"Traceback|Error\b|asyncpg|psycopg|sqlalchemy|SELECT|\bdict\b|\bNoneType\b|\bself\b",
        messages.replace("Syntax Error", ""),
    )
    (code,) = {error["extensions"]["code"] for error in answer["errors"]}
    return code


def exchange(served: Api, sent: bytes, *, is_cut: bool = False) -> bytes:
    """Send bytes as they are, and return the beginning of what comes back."""
    url = served.client.base_url
    with socket.create_connection((url.host, url.port or 80), timeout=5) as connection:
        connection.sendall(sent)
        return b"" if is_cut else connection.recv(1_000)


def everything_answered(served: Api, sent: bytes) -> bytes:
    """Send bytes as they are, and return what comes back until the server closes the connection."""
    url = served.client.base_url
    with socket.create_connection((url.host, url.port or 80), timeout=5) as connection:
        connection.sendall(sent)
        return connection.makefile("rb").read()
