"""Plans answer as graphql-core does: the same data, errors and paths, whatever fails wherever."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any

import orjson
import pytest
import strawberry
from graphql import GraphQLArgument, parse, validate
from hypothesis import HealthCheck, assume, given, settings

from execution.plan_store import PlanStore
from execution.planned_executors import executing
from execution.relations import relation
from tests.generated_documents import Document, collecting_apart, documents

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from execution.foresight import Foreseen


@strawberry.enum
class Mood(Enum):
    CALM = "calm"
    WILD = "wild"


class Herd:
    """A dataloader over nine animals: it refuses a batch with one of those that are ill."""

    async def load(self, key: int) -> Animal | None:
        return (await self.load_many([key])).get(key)

    async def load_many(self, keys: Iterable[int]) -> Mapping[int, Animal]:
        await asyncio.sleep(0)
        if any(key % 10 == 9 for key in keys):
            raise ValueError(f"one of {sorted(keys)} is ill")
        return {key: animal(key) for key in keys if key % 7}


@dataclass
class World:
    herd: Herd
    foreseen: dict[str, Foreseen] = field(default_factory=dict)
    by_plan: int = 0

    def foresee(self, field: str, foreseen: Foreseen) -> None:
        self.foreseen[field] = foreseen


@strawberry.interface
class Animal:
    number: int
    name: str
    mood: Mood
    nick: str | None
    stable: str
    """Null for some, although it can't be."""

    friend: Animal | None = relation(
        lambda of: of.number * 3 if of.number < 40 else None,
        lambda world: world.herd,
        lambda found: found,
        description="Somebody else.",
    )
    rival: Animal = relation(
        lambda of: of.number + 5 if of.number % 2 else None,
        lambda world: world.herd,
        lambda found: found,
        description="Somebody else, or an error.",
    )

    @strawberry.field
    def greeting(self, info: strawberry.Info, to: str = "you", times: int = 1) -> str | None:
        if self.number % 8 == 5:
            raise ValueError(f"{self.name} doesn't speak")
        return None if times < 0 else f"{self.name} greets {to} {times} times {type(info.context).__name__}"

    @strawberry.field
    async def weight(self, of: float = 1.5) -> float:
        await asyncio.sleep(0)
        if self.number % 11 == 4:
            raise ValueError(f"{self.name} won't be weighed")
        return self.number * of

    @strawberry.field
    def herds(self, sizes: list[int] | None = None) -> list[list[Animal | None]]:
        made = [[animal(self.number + n) if n % 4 else None for n in range(size)] for size in sizes or [1, 0, 2]]
        return made if self.number % 6 else [None]  # type: ignore[list-item]  # an error, in a list

    @strawberry.field
    async def companions(self) -> list[Animal]:
        return [animal(self.number + 1), animal(self.number + 2)]


@strawberry.type
class Dog(Animal):
    tricks: list[str]


@strawberry.type
class Cat(Animal):
    lives: int | None


@strawberry.type
class Answer:
    animal: Animal | None
    either: Dog | Cat | None
    numbers: list[int | None]


def animal(number: int) -> Animal:
    own: dict[str, Any] = {
        "number": number,
        "name": f"Nº{number}",
        "mood": list(Mood)[number % 2],
        "nick": "" if number % 5 else None,
        "stable": "north" if number % 12 else None,
    }
    return Dog(**own, tricks=["sit", "roll"][: number % 3]) if number % 2 else Cat(**own, lives=number % 9 or None)


def answered(number: int) -> Answer:
    shown = animal(number)
    return Answer(animal=shown, either=shown if isinstance(shown, Dog | Cat) else None, numbers=[number, None])


@strawberry.type
class Query:
    @strawberry.field
    def animals(self, first: int = 3) -> list[Animal]:
        return [animal(number) for number in range(first, first + 3)]

    @strawberry.field
    async def one(self, number: int = 1) -> Animal | None:
        return animal(number) if number else None

    @strawberry.field
    def answer(self, number: int = 2) -> Answer:
        return answered(number)

    @strawberry.field
    def many(self) -> list[Answer | None]:
        return [answered(1), None, answered(13)]


@strawberry.type
class Mutation:
    @strawberry.field
    async def rename(self, info: strawberry.Info, number: int = 3) -> Answer:
        info.context.renamed.append(number)
        return answered(number)


@dataclass
class Changing(World):
    renamed: list[int] = field(default_factory=list)


PLANS = PlanStore()
PLANNED = strawberry.Schema(Query, Mutation, types=[Dog, Cat], execution_context_class=executing(PLANS))
REFERENCE = strawberry.Schema(Query, Mutation, types=[Dog, Cat])


def arguments(name: str, _: GraphQLArgument) -> list[str]:
    return {
        "number": ["0", "1", "4", "5", "12", "21"],
        "first": ["1", "4", "30"],
        "to": ['"Ada"', '"\\u00e4"'],
        "times": ["2", "-1"],
        "of": ["2", "0.5"],
        "sizes": ["[2]", "[]", "[3, 1]", "null"],
    }[name]


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """Let Strawberry log nothing of the many errors that are meant."""
    logging.disable()
    yield
    logging.disable(logging.NOTSET)


# See `collecting_apart`.
@pytest.mark.filterwarnings("ignore:.* was never awaited:RuntimeWarning")
@pytest.mark.slow
@pytest.mark.parametrize(("operation", "count"), [("query", 1_000), ("mutation", 200)])
def test_plans_say_what_the_reference_says(operation: str, count: int) -> None:
    PLANS.answered = PLANS.left = 0
    without_errors = 0

    @settings(max_examples=count, deadline=None, suppress_health_check=list(HealthCheck))
    @given(documents(REFERENCE._schema, arguments, operation=operation))
    def agree(document: Document) -> None:
        nonlocal without_errors
        assume(not validate(REFERENCE._schema, parse(document.text)))
        before = PLANS.left

        expected, renamed = run(REFERENCE, document)
        planned, renamed_by_plan = run(PLANNED, document)
        collect()

        if expected[0] == b"null":
            # Of root fields that can't be null, the first to fail ends the others: which one is a matter of time.
            assert planned[0] == b"null"
            assert planned[1]
        else:
            assert expected == planned
        assert renamed == renamed_by_plan
        if not expected[1]:
            without_errors += 1
            assert PLANS.left == before

    with collecting_apart() as collect:
        agree()

    assert without_errors > count / 10


def run(schema: strawberry.Schema, document: Document) -> tuple[tuple[bytes, list[str]], list[int]]:
    """Return data and errors, and which animals were renamed."""
    context = Changing(Herd())
    result = asyncio.run(schema.execute(document.text, variable_values=document.variables, context_value=context))
    errors = sorted(repr(error.formatted) for error in result.errors or [])
    return (orjson.dumps(result.data), errors), context.renamed


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ("{ one { name } }", set()),
        ("{ one { friend { name } } }", {("friend",)}),
        ("{ one { other: friend { rival { friend { name } } } } }", {("friend",), ("friend", "rival")}),
        ("{ one: answer { animal { ...A } } } fragment A on Dog { rival { name } }", {("rival",)}),
        (
            "{ one: many { animal { friend { name } } either { ... on Cat { rival { name } } } } }",
            {("friend",), ("rival",)},
        ),
        ("{ one { companions { friend { name } } } }", set()),
        ("{ one { friend @skip(if: true) { name } rival @include(if: true) { name } } }", {("rival",)}),
        ("{ other: one { friend { name } } one { rival { name } } }", {("rival",)}),
        ("mutation { one: rename { animal { friend { name } } } }", {("friend",)}),
    ],
)
def test_the_relations_below_a_root_field_are_foreseen(document: str, expected: set[tuple[str, ...]]) -> None:
    context = Changing(Herd())

    asyncio.run(PLANNED.execute(document, context_value=context))

    assert expected == context.foreseen["one"].relations


def test_names_in_an_answer_mean_nothing_to_python() -> None:
    document = (
        "{ one { answer: name v0: number class: nick None: mood fill: stable __import__: name exec: __typename } }"
    )

    planned, reference = (
        asyncio.run(s.execute(document, context_value=Changing(Herd()))) for s in (PLANNED, REFERENCE)
    )

    assert planned.errors is None
    assert orjson.dumps(reference.data) == orjson.dumps(planned.data)
