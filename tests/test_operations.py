"""Documents and variables: what can't be run is refused with the reason, and what is too much as well."""

from collections.abc import Iterator
from uuid import uuid4

import pytest

from tests.apis import Api, api
from tests.databases import CrmDatabase
from tests.messages import GRAPHQL_JSON, JSON, VIEWER, body, code_of, nested


@pytest.fixture(scope="module")
def served() -> Iterator[Api]:
    with api(max_body_bytes=10_000) as running:
        yield running


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
    response = served.ask("query ($r: RecordRef!) { timeline(record: $r) { totalCount } }", {"r": [None, True, "None"]})

    assert '[null, true, "None"]' in response.json()["errors"][0]["message"]


def test_an_error_repeats_only_so_much_of_the_request(served: Api) -> None:
    response = served.ask("{ tasks(filter: {none: [" + "{}" * 1_000 + "]}) { totalCount } }")

    assert "BAD_USER_INPUT" == code_of(response.json())
    assert len(response.content) < 2_000


BEYOND_LIMITS = {
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
    headers = served.headers({"content-type": JSON})

    plain = served.client.post("/graphql", content=content, headers=headers)
    strict = served.client.post("/graphql", content=content, headers=headers | {"accept": GRAPHQL_JSON})

    assert (200, 400) == (plain.status_code, strict.status_code)
    assert "LIMIT_EXCEEDED" == code_of(plain.json()) == code_of(strict.json())
    assert "data" not in plain.json()


def test_variables_nested_beyond_the_limit_are_refused(served: Api) -> None:
    content = body(variables={"a": nested(100)})

    response = served.client.post("/graphql", content=content, headers=served.headers({"content-type": JSON}))

    assert (400, "LIMIT_EXCEEDED") == (response.status_code, code_of(response.json()))


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


@pytest.mark.slow
def test_the_demo_shows_the_cost_of_each_answer(database: CrmDatabase) -> None:
    with api(database_url=database.app_url, demo_organization_id=uuid4()) as running:
        cost = running.ask("{ tasks(first: 5) { nodes { id } } }").json()["extensions"]["cost"]
    with api(database_url=database.app_url) as running:
        plain = running.ask("{ tasks(first: 5) { nodes { id } } }").json()

    assert {"points", "statements", "ms"} == set(cost)
    assert (6, 1) == (cost["points"], cost["statements"])
    assert "extensions" not in plain
