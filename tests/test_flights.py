"""The same large document, sent by many at once, is read and checked once for all of them."""

import asyncio
import gc
import threading
import weakref
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import pytest
import strawberry
from graphql import DocumentNode, GraphQLError, GraphQLSchema
from strawberry.types import ExecutionResult

from errors import LimitExceeded
from execution.beside import MOST_QUEUED
from execution.cost import Measure, measure
from execution.document_rules import mistakes_of
from execution.documents import Documents
from execution.flights import Flights
from execution.guards import LARGE, Measured, guards
from execution.limits import Limits
from server import failures

MANY = 4 * MOST_QUEUED


@dataclass
class Asker:
    whose: UUID
    measured: Measured | None = None
    waited_s: float = 0.0


@strawberry.type
class Query:
    @strawberry.field
    def a(self, first: int = 1) -> int:
        return first


@dataclass
class Work:
    """What was done beside the loop, each piece of which waits until it may go on."""

    go: threading.Event
    read: int = 0
    checked: int = 0


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> Work:
    work, read = Work(threading.Event()), Documents.read

    def counted(documents: Documents, text: str) -> DocumentNode:
        work.read += 1
        work.go.wait(30)
        return read(documents, text)

    def checked(schema: GraphQLSchema, document: DocumentNode, **how: Any) -> list[GraphQLError]:
        work.checked += 1
        return mistakes_of(schema, document, **how)

    monkeypatch.setattr(Documents, "read", counted)
    monkeypatch.setattr("execution.guards.mistakes_of", checked)
    return work


def large(text: str) -> str:
    return text + " " * LARGE


async def together(asked: list[Coroutine[Any, Any, ExecutionResult]], work: Work) -> list[ExecutionResult]:
    """Begin all of them, and let the work be done only then."""
    tasks = [asyncio.create_task(one) for one in asked]
    await asyncio.sleep(0.05)
    work.go.set()
    return await asyncio.gather(*tasks)


@pytest.mark.parametrize("is_one_person", [False, True])
def test_the_same_document_of_many_is_checked_once(work: Work, is_one_person: bool) -> None:
    schema, somebody = strawberry.Schema(Query, extensions=[guards()]), uuid4()
    text = large("query ($n: Int!) { a(first: $n) }")
    asked = [
        schema.execute(text, variable_values={"n": n}, context_value=Asker(somebody if is_one_person else uuid4()))
        for n in range(MANY)
    ]

    answers = asyncio.run(together(asked, work))

    assert [{"a": n} for n in range(MANY)] == [answer.data for answer in answers]
    assert (1, 1) == (work.read, work.checked)


def test_who_asks_for_too_much_is_refused_alone(work: Work, monkeypatch: pytest.MonkeyPatch) -> None:
    def measured(*asked: Any) -> Measure:
        if asked[3]["n"] % 9 > 1:
            raise LimitExceeded("Too much.")
        return measure(*asked)

    monkeypatch.setattr("execution.guards.measure", measured)
    schema, text = strawberry.Schema(Query, extensions=[guards()]), large("query ($n: Int!) { a(first: $n) }")
    order = [*range(2, MANY), 0, 1]  # those who are refused come first
    asked = [schema.execute(text, variable_values={"n": n}, context_value=Asker(uuid4())) for n in order]

    answers = asyncio.run(together(asked, work))

    assert [None if n % 9 > 1 else {"a": n} for n in order] == [answer.data for answer in answers]
    assert {"Too much."} == {error.message for answer in answers for error in answer.errors or []}
    assert (1, 1) == (work.read, work.checked)


def test_what_is_wrong_is_told_to_all_and_looked_for_anew_by_who_comes_later(work: Work) -> None:
    schema = strawberry.Schema(Query, extensions=[guards()])
    ask = partial(schema.execute, large("{ b }"))

    answers = asyncio.run(together([ask(context_value=Asker(uuid4())) for _ in range(MANY)], work))
    asyncio.run(ask(context_value=Asker(uuid4())))

    assert MANY * ["Query has no field “b”. Did you mean a?"] == [
        error.message for answer in answers for error in answer.errors or []
    ]
    assert (2, 2) == (work.read, work.checked)


def test_a_text_that_can_not_be_read_is_told_to_all(work: Work) -> None:
    schema = strawberry.Schema(Query, extensions=[guards()])

    answers = asyncio.run(together([schema.execute(large("{ a")) for _ in range(MANY)], work))

    assert [1] * MANY == [len(answer.errors or []) for answer in answers]
    assert 1 == work.read


def test_who_leaves_takes_nothing_from_those_who_wait() -> None:
    async def do() -> None:
        flights, go, begun = Flights(), asyncio.Event(), list[int]()

        async def fly() -> int:
            begun.append(1)
            await go.wait()
            return 7

        first, second = (asyncio.create_task(flights.join("a", fly)) for _ in range(2))
        await asyncio.sleep(0)
        first.cancel()
        await asyncio.sleep(0)
        go.set()
        assert (7, [1]) == (await second, begun)
        assert not flights
        assert (7, [1, 1]) == (await flights.join("a", fly), begun)

    asyncio.run(do())


def test_what_failed_is_kept_no_longer_than_it_took() -> None:
    async def do() -> None:
        flights = Flights()

        async def fail() -> None:
            await asyncio.sleep(0)
            raise ValueError

        for _ in range(2):
            found = await asyncio.gather(*(flights.join("a", fail) for _ in range(3)), return_exceptions=True)
            assert [ValueError] * 3 == [type(one) for one in found]
            assert not flights

    asyncio.run(do())


@pytest.mark.parametrize(
    ("end", "aliases"),
    [(" b }", 1_000), ("", 1_000), (" }", 10)],
    ids=["a mistake", "unreadable", "too much"],
)
def test_what_was_read_of_a_large_document_goes_with_its_refusal(end: str, aliases: int) -> None:
    schema = strawberry.Schema(Query, extensions=[guards(Limits(aliases=aliases, tokens=9_000))])
    text = large("{ " + " ".join(f"a{n}: a" for n in range(900)) + end)

    async def refused() -> None:
        answer = await schema.execute(text, context_value=Asker(uuid4()))
        assert answer.errors
        for error in answer.errors:
            failures.placed_entry(error, "r", has_made=False)  # as the server does, which forgets where they came by

    async def left() -> int:
        await refused()
        gc.collect()
        gc.disable()  # or it may come by, and find what would have stayed
        try:
            await refused()
            return gc.collect()
        finally:
            gc.enable()

    assert asyncio.run(left()) < 2_000  # it has some 8,000 parts


def test_a_failure_goes_with_who_heard_of_it() -> None:
    class Held:
        """What the work had in its hands."""

    async def do() -> None:
        flights, seen = Flights(), list[weakref.ref[Held]]()

        async def fail() -> None:
            held = Held()
            seen.append(weakref.ref(held))
            await asyncio.sleep(0)
            raise ValueError(held)

        with suppress(ValueError):
            await flights.join("a", fail)
        await asyncio.sleep(0)
        assert [None] == [ref() for ref in seen]

    gc.disable()  # or it may come by, and find what would have stayed
    try:
        asyncio.run(do())
    finally:
        gc.enable()
