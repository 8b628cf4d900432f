"""The limits of one operation, and how its cost is counted."""

import sys
from collections.abc import Callable
from types import FrameType

import pytest
from graphql import OperationDefinitionNode, build_schema, get_introspection_query, parse

from errors import LimitExceeded
from execution.cost import Measure, measure
from execution.limits import Limits

SCHEMA = build_schema("""
  type Query {
    task: Task
    tasks(first: Int, after: String, last: Int): TaskConnection
    nodes(ids: [ID!]!): [Task]!
    search(term: String!, first: Int, kinds: [String!]): [Task!]!
    suggest(term: String!, first: Int! = 10): [Task!]!
    pages(first: Int = 20, last: Int): TaskConnection
  }
  type Mutation { createTasks(input: [ID!]!): Payload! }
  type Payload { results: [Task!]! }
  type TaskConnection { edges: [TaskEdge!]! nodes: [Task!]! pageInfo: PageInfo! totalCount: Int! }
  type TaskEdge { node: Task! cursor: String! }
  type PageInfo { hasNextPage: Boolean! }
  type Task { id: ID! subject: String account: Account links: [Link!]! }
  type Link { id: ID! }
  type Account { id: ID! tasks(first: Int, last: Int): TaskConnection! }
""")


def measured(text: str, *, limits: Limits | None = None, **variables: object) -> Measure:
    document = parse(text)
    operation = next(node for node in document.definitions if isinstance(node, OperationDefinitionNode))
    return measure(SCHEMA, document, operation, variables, limits or Limits())


@pytest.mark.parametrize(
    ("text", "points"),
    [
        ("{ __typename }", 0),
        ("{ task { id subject } }", 1),
        ("{ task { account { id } } }", 2),
        ("{ tasks(first: 10) { totalCount } }", 21),
        ("{ task { account { tasks(first: 0) { totalCount } } } }", 23),
        ("{ tasks(first: 10) { nodes { id } } }", 11),
        ("{ tasks(last: 10) { nodes { id } } }", 11),
        ("{ tasks { nodes { id } } }", 51),
        ("{ tasks(first: null) { nodes { id } } }", 51),
        ("{ tasks(first: 0) { nodes { id } } }", 1),
        ("{ tasks(first: -5) { nodes { id } } }", 1),
        ("{ tasks(first: 100000) { nodes { id } } }", 201),
        ("{ tasks(first: 10) { edges { cursor } pageInfo { hasNextPage } } }", 2),
        ("{ tasks(first: 10) { edges { node { id } } } }", 11),
        ("{ tasks(first: 10) { edges { node { account { id } } } nodes { id } } }", 31),
        ("{ tasks(first: 10) { nodes { account { tasks(first: 10) { nodes { id } } } } } }", 1 + 10 * (1 + 1 + 1 + 10)),
        ('{ nodes(ids: ["a", "b", "c"]) { id } }', 3),
        ('{ nodes(ids: "a") { id } }', 1),
        ('{ search(term: "x", first: 20) { id } }', 20),
        ('{ search(term: "x", first: 20, kinds: ["a", "b"]) { id } }', 20),
        ('{ search(term: "x") { account { id } } }', 100),
        ('{ suggest(term: "x") { id } }', 10),
        ('{ suggest(term: "x", first: 3) { id } }', 3),
        ("{ pages { nodes { id } } }", 21),
        ("{ pages(first: null) { nodes { id } } }", 51),
        ("{ pages(last: 5) { nodes { id } } }", 21),
        ('mutation { createTasks(input: ["a", "b"]) { results { id } } }', 4),
        ("{ tasks(first: 10) { ...Page } } fragment Page on TaskConnection { nodes { id } }", 11),
        ("{ tasks(first: 10) { ... on TaskConnection { ... { nodes { id } } } } }", 11),
        ("{ task { ...A ...A } } fragment A on Task { account { id } }", 3),
        ("{ nobodyKnows { account { id } } }", 0),
    ],
)
def test_points_are_the_objects_that_an_answer_can_hold(text: str, points: int) -> None:
    assert points == measured(text).points


def test_a_page_size_in_a_variable_counts() -> None:
    text = "query ($n: Int = 7) { tasks(first: $n) { nodes { id } } }"

    assert 8 == measured(text).points
    assert 21 == measured(text, n=20).points
    assert 51 == measured(text, n=None).points


def test_the_arguments_own_default_counts_where_a_variable_was_left_out() -> None:
    fields = 'a: suggest(term: "x", first: $n) { id } b: suggest(term: "x", first: $m) { id }'
    text = f"query ($n: Int!, $m: Int! = 4) {{ {fields} }}"

    assert 14 == measured(text).points
    assert 9 == measured(text, n=2, m=7).points


def test_ids_in_a_variable_count() -> None:
    assert 400 == measured("query ($ids: [ID!]!) { nodes(ids: $ids) { id } }", ids=["x"] * 400).points


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{" + "task { account { tasks { nodes { " * 4 + "id" + "}}}}" * 4 + "}", "nested deeper"),
        ("{" + " ".join(f"a{i}: task {{ id }}" for i in range(31)) + "}", "more aliases"),
        ("{ tasks(first: 200) { nodes { account { tasks(first: 200) { nodes { id } } } } } }", "more objects"),
        ("{ a: __schema { types { name } } }", "Aliases are not possible in introspection"),
        ("{ __schema { types { a: name } } }", "Aliases are not possible in introspection"),
        ('{ __type(name: "Task") { a: fields { name } } }', "Aliases are not possible in introspection"),
        ("{ __schema { types {" + "ofType { " * 20 + "name" + "}" * 20 + "} } }", "Introspection is nested deeper"),
    ],
)
def test_an_operation_over_a_limit_is_refused(text: str, reason: str) -> None:
    with pytest.raises(LimitExceeded, match=reason):
        measured(text)


def test_as_much_as_the_limits_allow_is_accepted() -> None:
    aliases = " ".join(f"a{i}: task {{ id }}" for i in range(30))

    assert Measure(points=30, aliases=30, depth=2, nesting=2) == measured("{" + aliases + "}")
    assert (
        12 == measured("{" + "task { account { tasks { nodes { " * 2 + "task { account { tasks { id }}}}}}}}}}}}").depth
    )


def test_aliases_in_fragments_count_each_time_they_are_used() -> None:
    fragment = "fragment A on Task { " + " ".join(f"a{i}: id" for i in range(11)) + "}"

    three_times = "{ task { ...A account { tasks { nodes { ...A account { tasks { nodes { ...A } } } } } } } }"

    with pytest.raises(LimitExceeded, match="33 of at most 30"):
        measured(three_times + fragment)


def test_the_standard_introspection_query_is_allowed() -> None:
    text = get_introspection_query(
        specified_by_url=True, directive_is_repeatable=True, schema_description=True, input_value_deprecation=True
    )

    assert 0 == measured(text).points


def test_fragments_that_multiply_one_another_are_counted_at_once() -> None:
    def walk(fragments: int) -> None:
        bomb = "{ task { ...F0 } }" + "".join(
            f"fragment F{i} on Task {{ ...F{i + 1} ...F{i + 1} }}" for i in range(fragments)
        )
        with pytest.raises(LimitExceeded, match="more objects"):
            measured(bomb + f"fragment F{fragments} on Task {{ account {{ id }} }}")

    assert calls_of(lambda: walk(60)) < 3 * calls_of(lambda: walk(30))


def test_fragments_in_a_circle_end() -> None:
    circle = "{ task { ...A } } fragment A on Task { account { id } ...B } fragment B on Task { ...A ...B }"

    assert measured(circle).points >= 1


@pytest.mark.parametrize("order", [1, -1])
@pytest.mark.parametrize("is_used", [True, False])
def test_a_long_chain_of_fragments_is_refused_before_it_is_walked(order: int, is_used: bool) -> None:
    chain = [f"fragment F{i} on Task {{ ...F{i + 1} }}" for i in range(300)] + ["fragment F300 on Task { id }"]
    start = "{ task { ...F0 } }" if is_used else "{ task { id } }"

    with pytest.raises(LimitExceeded, match="deeper than 100"):
        measured(start + "".join(chain[::order]))


def test_limits_can_be_set() -> None:
    with pytest.raises(LimitExceeded, match="11 of at most 10"):
        measured("{ tasks(first: 10) { nodes { id } } }", limits=Limits(points=10))


def calls_of(work: Callable[[], None]) -> int:
    """Return how many calls of Python functions the work takes: the same on a busy machine."""
    calls = 0

    def count(_frame: FrameType, event: str, _argument: object) -> None:
        nonlocal calls
        calls += event == "call"

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        work()
    finally:
        sys.setprofile(before)
    return calls
