"""Requests that name a trusted document, and what is run where no other may be."""

import gc
import json
import tracemalloc
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from tests.apis import Api, api
from tests.messages import ANSWER, GRAPHQL_JSON, JSON, VIEWER, code_of
from tests.sockets import greeted
from tests.trusted_lists import id_of, list_of

ROLE = "query Role($isWanted: Boolean!) { viewer { __typename role @include(if: $isWanted) } }"
TWO = "query First { viewer { role } } query Second { viewer { __typename } }"
MUTATION = 'mutation { createTask(input: {subject: "x"}) { task { id } } }'
LISTS = "query Lists($first: Int) { tasks(first: $first) { nodes { account { tasks(first: 200) { nodes { id } } } } } }"
SCHEMA = "{ __schema { queryType { name } } }"
TRUSTED = (VIEWER, ROLE, TWO, MUTATION, LISTS, SCHEMA)
UNKNOWN = id_of("{ viewer { organizationId } }")

Ask = Callable[[Api, Mapping[str, object]], Any]


@pytest.fixture(scope="module")
def open_to_all(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """An API that has a list and runs any other document as well."""
    with api(trusted_documents_file=list_of(*TRUSTED, into=tmp_path_factory.mktemp("list"))) as running:
        yield running


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """An API that runs trusted documents and no others."""
    file = list_of(*TRUSTED, into=tmp_path_factory.mktemp("list"))
    with api(trusted_documents_file=file, is_trusted_only=True) as running:
        yield running


@pytest.fixture(params=["open_to_all", "closed"])
def served(request: pytest.FixtureRequest) -> Api:
    found: Api = request.getfixturevalue(request.param)
    return found


def by_post(served: Api, payload: Mapping[str, object]) -> Any:
    return served.client.post("/graphql", json=payload, headers=served.headers()).json()


def by_get(served: Api, payload: Mapping[str, object]) -> Any:
    parameters = {name: value if isinstance(value, str) else json.dumps(value) for name, value in payload.items()}
    return served.client.get("/graphql", params=parameters, headers=served.headers()).json()


def by_socket(served: Api, payload: Mapping[str, object]) -> Any:
    with greeted(served) as socket:
        socket.send(type="subscribe", id="1", payload=payload)
        message = socket.receive()
    return message["payload"] if message["type"] == "next" else {"errors": message["payload"]}


WAYS = [by_post, by_get, by_socket]


def persisted(id_: str) -> dict[str, object]:
    return {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": id_.removeprefix("sha256:")}}}


NAMES: dict[str, Callable[[str], dict[str, object]]] = {
    "documentId": lambda id_: {"documentId": id_},
    "without prefix": lambda id_: {"documentId": id_.removeprefix("sha256:")},
    "as Apollo": persisted,
    "both": lambda id_: {"documentId": id_} | persisted(id_),
}


@pytest.mark.parametrize("ask", WAYS)
@pytest.mark.parametrize("named", NAMES.values(), ids=NAMES)
def test_a_document_is_run_by_its_name(served: Api, ask: Ask, named: Callable[[str], dict[str, object]]) -> None:
    assert ANSWER == ask(served, named(id_of(VIEWER)))


@pytest.mark.parametrize("ask", WAYS)
@pytest.mark.parametrize(("is_wanted", "expected"), [(True, {"role": "ADMIN"}), (False, {})])
def test_it_takes_variables(served: Api, ask: Ask, is_wanted: bool, expected: dict[str, str]) -> None:
    answer = ask(served, {"documentId": id_of(ROLE), "variables": {"isWanted": is_wanted}})

    assert {"data": {"viewer": {"__typename": "Viewer"} | expected}} == answer


@pytest.mark.parametrize("ask", WAYS)
def test_one_of_its_operations_is_chosen_by_name(served: Api, ask: Ask) -> None:
    answer = ask(served, {"documentId": id_of(TWO), "operationName": "Second"})

    assert {"data": {"viewer": {"__typename": "Viewer"}}} == answer


@pytest.mark.parametrize("ask", WAYS)
@pytest.mark.parametrize("named", NAMES.values(), ids=NAMES)
def test_its_text_may_come_with_its_name(served: Api, ask: Ask, named: Callable[[str], dict[str, object]]) -> None:
    assert ANSWER == ask(served, {"query": VIEWER} | named(id_of(VIEWER)))


@pytest.mark.parametrize("ask", WAYS)
@pytest.mark.parametrize("named", NAMES.values(), ids=NAMES)
def test_another_text_than_the_named_one_is_refused(
    served: Api, ask: Ask, named: Callable[[str], dict[str, object]]
) -> None:
    assert "BAD_USER_INPUT" == code_of(ask(served, {"query": VIEWER} | named(id_of(ROLE))))


BAD_NAMES: dict[str, dict[str, object]] = {
    "number": {"documentId": 7},
    "object": {"documentId": {}},
    "persisted text": {"extensions": {"persistedQuery": "x"}},
    "persisted array": {"extensions": {"persistedQuery": []}},
    "another version": {"extensions": {"persistedQuery": {"version": 2, "sha256Hash": id_of(VIEWER)}}},
    "no hash": {"extensions": {"persistedQuery": {"version": 1}}},
    "two documents": {"documentId": id_of(ROLE)} | persisted(id_of(VIEWER)),
    "nothing": {},
    "null": {"documentId": None, "query": None},
    "empty": {"documentId": ""},
    "an empty text": {"documentId": id_of(VIEWER), "query": ""},
}


@pytest.mark.parametrize("ask", [by_post, by_socket])
@pytest.mark.parametrize("payload", BAD_NAMES.values(), ids=BAD_NAMES)
def test_what_names_no_document_is_bad_user_input(served: Api, ask: Ask, payload: dict[str, object]) -> None:
    assert "BAD_USER_INPUT" == code_of(ask(served, payload))


@pytest.mark.parametrize("ask", WAYS)
@pytest.mark.parametrize("id_", [UNKNOWN, UNKNOWN.upper(), "md5:x", "x" * 1_000, "sha256:x", "é\0"])
@pytest.mark.parametrize("named", NAMES.values(), ids=NAMES)
def test_a_name_that_nobody_knows_has_a_code_of_its_own(
    served: Api, ask: Ask, id_: str, named: Callable[[str], dict[str, object]]
) -> None:
    answer = ask(served, named(id_))

    assert "PERSISTED_QUERY_NOT_FOUND" == code_of(answer)
    assert 1 == len(answer["errors"])
    assert "data" not in answer


@pytest.mark.parametrize(
    ("payload", "code"),
    [({"documentId": UNKNOWN}, "PERSISTED_QUERY_NOT_FOUND"), ({"query": "{ __typename }"}, "DOCUMENT_NOT_TRUSTED")],
)
@pytest.mark.parametrize(("accept", "status"), [(JSON, 200), ("*/*", 200), (GRAPHQL_JSON, 400)])
def test_the_status_is_that_of_a_document_that_cant_be_run(
    closed: Api, payload: dict[str, object], code: str, accept: str, status: int
) -> None:
    response = closed.client.post("/graphql", json=payload, headers=closed.headers({"accept": accept}))

    assert (status, code) == (response.status_code, code_of(response.json()))


def test_nobody_is_told_of_documents_without_a_token(served: Api) -> None:
    for id_ in (id_of(VIEWER), UNKNOWN):
        assert 401 == served.client.post("/graphql", json={"documentId": id_}).status_code


@pytest.mark.parametrize("ask", WAYS)
def test_any_text_is_run_unless_only_trusted_ones_are(open_to_all: Api, ask: Ask) -> None:
    assert {"data": {"__typename": "Query"}} == ask(open_to_all, {"query": "{ __typename }"})


@pytest.mark.parametrize("ask", WAYS)
@pytest.mark.parametrize("text", [VIEWER, TWO])
def test_the_text_of_a_trusted_one_is_run(closed: Api, ask: Ask, text: str) -> None:
    assert ANSWER == ask(closed, {"query": text} | ({"operationName": "First"} if text == TWO else {}))


NEAR_MISSES = {
    "a space more": VIEWER + " ",
    "a line more": VIEWER + "\n",
    "a space less": VIEWER.replace(" ", "", 1),
    "a comment": f"# trusted\n{VIEWER}",
    "a field more": "{ viewer { role __typename } }",
    "a name": f"query A {VIEWER}",
    "another letter": VIEWER.replace("role", "Role"),
    "a byte order mark": f"\ufeff{VIEWER}",
    "two trusted ones": f"{VIEWER}\n{ROLE}",
    "not a document": "{",
    "introspection": "{ __schema { types { name } } }",
    "far too deep": "{a" * 5_000,
}


@pytest.mark.parametrize("ask", [by_post, by_socket])
@pytest.mark.parametrize("text", NEAR_MISSES.values(), ids=NEAR_MISSES)
def test_any_other_text_is_refused_unread(closed: Api, ask: Ask, text: str) -> None:
    assert "DOCUMENT_NOT_TRUSTED" == code_of(ask(closed, {"query": text}))


def test_any_other_text_is_refused_by_get_too(closed: Api) -> None:
    assert "DOCUMENT_NOT_TRUSTED" == code_of(by_get(closed, {"query": "{ __typename }"}))


def test_a_hash_of_ones_own_makes_no_document_trusted(closed: Api) -> None:
    text = "{ __typename }"

    for _ in range(2):  # where documents are registered by their first request, the second finds them
        codes = [code_of(ask(closed, {"query": text} | persisted(id_of(text)))) for ask in WAYS]
        assert ["DOCUMENT_NOT_TRUSTED"] * len(WAYS) == codes
    assert "PERSISTED_QUERY_NOT_FOUND" == code_of(by_post(closed, persisted(id_of(text))))


def test_a_mutation_isnt_run_by_get_whatever_its_name(served: Api) -> None:
    response = served.client.get("/graphql", params={"documentId": id_of(MUTATION)}, headers=served.headers())

    assert (405, "BAD_USER_INPUT") == (response.status_code, code_of(response.json()))


@pytest.mark.parametrize("ask", WAYS)
def test_a_trusted_document_has_the_limits_of_any_other(served: Api, ask: Ask) -> None:
    answer = ask(served, {"documentId": id_of(LISTS), "variables": {"first": 200}})

    assert "LIMIT_EXCEEDED" == code_of(answer)


@pytest.mark.parametrize("ask", WAYS)
def test_a_trusted_document_is_checked_for_its_variables(served: Api, ask: Ask) -> None:
    assert "BAD_USER_INPUT" == code_of(ask(served, {"documentId": id_of(ROLE), "variables": {"isWanted": "yes"}}))


def test_ids_that_nobody_knows_leave_nothing_behind(closed: Api) -> None:
    def ask(numbers: range) -> None:
        with greeted(closed) as socket:
            for number in numbers:
                unknown = id_of(str(number)) + "x" * 1_000
                assert "PERSISTED_QUERY_NOT_FOUND" == code_of(by_post(closed, {"documentId": unknown}))
                socket.send(type="subscribe", id="1", payload={"documentId": unknown})
                assert "error" == socket.receive()["type"]

    ask(range(50))  # what is made once
    tracemalloc.start()
    try:
        gc.collect()
        before, _ = tracemalloc.get_traced_memory()
        ask(range(50, 350))
        gc.collect()
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert after - before < 300 * 1_000  # less than the ids alone


@pytest.mark.slow
def test_graphiql_isnt_served_where_nothing_typed_there_could_run(closed: Api, open_to_all: Api) -> None:
    assert [404, 200] == [served.client.get("/graphiql").status_code for served in (closed, open_to_all)]
    assert "data-alone" in closed.client.get("/").text
