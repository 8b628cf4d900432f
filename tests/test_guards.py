"""The guard of operations: each is measured within the limits, once for all requests that ask for as much."""

import asyncio
from typing import Any

import pytest
import strawberry

from execution.cost import Measure, measure
from execution.guards import MOST_SIZES, MOST_VARIABLES, guards
from execution.limits import Limits

LIMIT = 40


@strawberry.type
class Item:
    id: strawberry.ID


@strawberry.type
class ItemConnection:
    nodes: list[Item]


@strawberry.type
class Query:
    @strawberry.field
    def items(self, first: int | None = None, word: str = "") -> ItemConnection:
        return ItemConnection(nodes=[Item(id=strawberry.ID(word))] * (first or 1))


ITEMS = 'query Items($first: Int, $word: String! = "") { items(first: $first, word: $word) { nodes { id } } }'


@pytest.fixture
def schema() -> strawberry.Schema:
    return strawberry.Schema(Query, extensions=[guards(Limits(points=LIMIT))])


@pytest.fixture
def taken(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return the points of each measure that is taken."""
    found: list[int] = []

    def counted(*arguments: Any) -> Measure:
        result = measure(*arguments)
        found.append(result.points)
        return result

    monkeypatch.setattr("execution.guards.measure", counted)
    return found


def ask(schema: strawberry.Schema, text: str = ITEMS, /, **variables: object) -> list[str]:
    """Return the errors of one request."""
    return [error.message for error in asyncio.run(schema.execute(text, variables)).errors or []]


def test_requests_that_ask_for_as_much_are_measured_once(schema: strawberry.Schema, taken: list[int]) -> None:
    ask(schema, first=10)  # its document is kept from here on
    taken.clear()

    for word in ("a", "b", "c"):
        assert [] == ask(schema, first=10, word=word)
        assert [] == ask(schema, first=20, word=word)

    assert [11, 21] == taken


def test_one_that_asks_for_more_is_refused_however_often_it_comes(schema: strawberry.Schema) -> None:
    for _ in range(3):
        assert [] == ask(schema, first=10)
        (error,) = ask(schema, first=LIMIT)
        assert f"{LIMIT + 1} of at most {LIMIT}" in error


def test_what_is_left_out_null_or_a_default_is_told_apart(schema: strawberry.Schema) -> None:
    for _ in range(2):
        for variables, is_refused in (
            ({}, True),
            ({"first": None}, True),
            ({"first": 0}, False),
            ({"first": 1}, False),
        ):
            assert is_refused == bool(ask(schema, **variables))  # 50 by default


def test_the_measures_of_a_document_are_bounded(schema: strawberry.Schema, taken: list[int]) -> None:
    ask(schema, first=1)
    taken.clear()

    for first in range(-MOST_SIZES, 1):
        ask(schema, first=first)
    ask(schema, first=-MOST_SIZES)

    assert MOST_SIZES + 2 == len(taken)  # the first of them was forgotten, and taken again


def test_no_measure_is_kept_of_an_operation_with_many_variables(schema: strawberry.Schema, taken: list[int]) -> None:
    names = [f"v{number}" for number in range(MOST_VARIABLES)]
    given = ", ".join(f"${name}: Int" for name in names)
    fields = " ".join(f"{name}: items(first: ${name}) {{ nodes {{ __typename }} }}" for name in names)

    for _ in range(3):
        assert [] == ask(schema, f"query Many({given}) {{ {fields} }}", **dict.fromkeys(names, 0))

    assert [MOST_VARIABLES] * 3 == taken
