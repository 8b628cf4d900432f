"""Fairness: what one person asks for, however much, leaves connections and the event loop to the others."""

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import pytest
import strawberry
from graphql import DocumentNode, GraphQLError, GraphQLSchema
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr
from strawberry.types import ExecutionResult

from db.engine import Database
from db.sessions import Session
from db.statements import Statement
from errors import Unavailable
from execution.beside import MOST_QUEUED, Beside
from execution.document_rules import mistakes_of
from execution.guards import LARGE, Measured, guards
from execution.turns import AT_ONCE, Turns, latest_turn
from server.databases import database_of
from settings import Settings
from tests.apis import api
from tests.databases import CrmDatabase
from tests.organizations import Organization

ONE = Statement("SELECT 1", (), {})
SIZE = 4


@asynccontextmanager
async def opened(crm: CrmDatabase) -> AsyncIterator[Database]:
    settings = {"database_url": SecretStr(crm.app_url), "pool_size": SIZE, "pool_wait_ms": 300}
    database = database_of(Settings.model_validate(settings))
    await database.open()
    yield database
    await database.close()


def test_one_person_takes_half_of_the_connections(crm: CrmDatabase) -> None:
    async def take() -> None:
        async with opened(crm) as database:

            def session(user_id: UUID | None) -> Session:
                return database.session(UUID(int=1), user_id=user_id)

            greedy, other = uuid4(), uuid4()
            held = [session(greedy) for _ in range(SIZE // 2)]
            for one in held:
                await one.rows(ONE)
            async with session(greedy) as more:
                with pytest.raises(Unavailable, match="your requests"):
                    await more.rows(ONE)
            async with session(other) as free, session(None) as nobodys:
                await free.rows(ONE)
                await nobodys.rows(ONE)
            waiting = asyncio.create_task(session(greedy).rows(ONE))
            await held.pop().close()
            assert await waiting
            await held.pop().close()

    asyncio.run(take())


def test_a_share_is_given_back_whatever_happens(crm: CrmDatabase) -> None:
    async def take() -> None:
        async with opened(crm) as database:
            user = uuid4()
            for _ in range(2 * SIZE):
                async with database.session(UUID(int=1), user_id=user) as session:
                    with pytest.raises(Exception, match="nothing"):
                        await session.rows(Statement("SELECT nothing", (), {}))
            async with database.session(UUID(int=1), user_id=user) as session:
                await session.rows(ONE)

    asyncio.run(take())


def test_by_http_each_person_has_a_share(crm: CrmDatabase, organization: Organization) -> None:
    slow = "{ " + " ".join(f"a{n}: tasks {{ totalCount }}" for n in range(30)) + " }"
    greedy, other = organization.viewer(), replace(organization.viewer(), user_id=organization.user())
    organization.owner.run("BEGIN; LOCK TABLE lead_interactions IN ACCESS EXCLUSIVE MODE")
    try:
        with api(database_url=crm.app_url, pool_size=2, pool_wait_ms=300, request_timeout_ms=3_000) as running:
            waiting = threading.Thread(target=running.ask, args=(slow,), kwargs={"viewer": greedy})
            waiting.start()
            organization.owner.wait_for_waiters()
            refused = running.ask("{ viewer { user { id } } }", viewer=greedy).json()
            served = running.ask("{ viewer { user { id } } }", viewer=other).json()
            waiting.join()
    finally:
        organization.owner.run("ROLLBACK")

    assert ["UNAVAILABLE"] == [error["extensions"]["code"] for error in refused["errors"]]
    assert str(other.user_id) == served["data"]["viewer"]["user"]["id"]


def test_what_is_done_beside_the_loop_is_done_in_turn_and_bounded() -> None:
    async def do() -> None:
        beside, go, done = Beside(), threading.Event(), list[int]()

        def work(number: int) -> int:
            go.wait(30)
            done.append(number)
            return number

        waiting = [asyncio.create_task(beside.do(partial(work, number))) for number in range(MOST_QUEUED)]
        await asyncio.sleep(0)
        with pytest.raises(Unavailable):
            await beside.do(lambda: 0)
        waiting.pop(1).cancel()
        await asyncio.sleep(0)
        go.set()
        assert [0, *range(2, MOST_QUEUED)] == await asyncio.gather(*waiting) == done
        assert 7 == await beside.do(lambda: 7)

    asyncio.run(do())


@dataclass
class UnderWay:
    """What has its turn now, and what had it, in order."""

    points: int = 0
    most: int = 0
    served: list[int] = field(default_factory=list)

    async def run(self, turns: Turns, whose: str | None, number: int, points: int, go: asyncio.Event) -> None:
        async with turns.take(whose, points):
            self.served.append(number)
            self.points += min(points, AT_ONCE)
            self.most = max(self.most, self.points)
            try:
                await go.wait()
            finally:
                self.points -= min(points, AT_ONCE)


@given(st.lists(st.tuples(st.integers(0, 2 * AT_ONCE), st.booleans()), min_size=1, max_size=30))
def test_one_persons_operations_run_in_their_order_as_far_as_there_is_room(asked: list[tuple[int, bool]]) -> None:
    async def do() -> UnderWay:
        turns, seen, go = Turns(), UnderWay(), asyncio.Event()
        running = [
            asyncio.create_task(seen.run(turns, "greedy", number, points, go))
            for number, (points, _) in enumerate(asked)
        ]
        await asyncio.sleep(0)
        for task, (_, gives_up) in zip(running, asked, strict=True):
            if gives_up:
                task.cancel()
        await asyncio.sleep(0)
        go.set()
        await asyncio.gather(*running, return_exceptions=True)
        async with asyncio.timeout(5), turns.take("greedy", AT_ONCE):  # all room has been given back
            return seen

    seen = asyncio.run(do())

    assert seen.most <= AT_ONCE
    assert sorted(seen.served) == seen.served
    assert {number for number, (_, gives_up) in enumerate(asked) if not gives_up} <= set(seen.served)


def test_whose_turn_does_not_come_in_time_is_refused_and_others_are_served(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("execution.turns.PATIENCE_S", 0.1)

    async def do() -> None:
        turns, seen, go = Turns(), UnderWay(), asyncio.Event()
        dear = asyncio.create_task(seen.run(turns, "greedy", 1, 20_000, go))
        await asyncio.sleep(0)
        with pytest.raises(Unavailable, match="your requests"):
            await seen.run(turns, "greedy", 2, 1, go)
        others = [asyncio.create_task(seen.run(turns, whose, 3, 1, go)) for whose in ("other", None)]
        await asyncio.sleep(0)
        assert [1, 3, 3] == seen.served
        go.set()
        await asyncio.gather(dear, *others)

    asyncio.run(do())


def test_whose_time_is_up_gets_what_is_free_and_waits_for_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("execution.turns.PATIENCE_S", 0.0)

    async def do() -> None:
        turns, until = Turns(), latest_turn()
        async with turns.take("somebody", 1, until=until):
            pass
        async with turns.take("somebody", AT_ONCE):
            with pytest.raises(Unavailable, match="your requests"):
                async with turns.take("somebody", 1, until=until):
                    pass

    asyncio.run(do())


def test_all_turns_of_an_operation_are_waited_for_until_one_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[float | None] = []
    take = Turns.take

    def noted(turns: Turns, *asked: Any, until: float | None = None) -> AbstractAsyncContextManager[None]:
        seen.append(until)
        return take(turns, *asked, until=until)

    monkeypatch.setattr(Turns, "take", noted)
    schema = strawberry.Schema(Query, extensions=[guards()])

    async def ask() -> ExecutionResult:
        return await schema.execute("{ a }" + " " * LARGE, context_value=Asker(uuid4()))

    assert {"a": 1} == asyncio.run(ask()).data
    assert len(seen) > 2
    assert [seen[0]] * len(seen) == seen != [None] * len(seen)


@strawberry.type
class Thing:
    b: int = 1


@strawberry.type
class Holding:
    @strawberry.field
    async def a(self, info: strawberry.Info) -> Thing:
        await info.root_value.wait()
        return Thing()


def test_an_operation_knows_how_long_it_waited_for_its_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("execution.turns.AT_ONCE", 1)
    schema = strawberry.Schema(Holding, extensions=[guards()])

    async def do() -> list[float]:
        go, somebody = asyncio.Event(), uuid4()
        askers = [Asker(somebody), Asker(somebody)]
        asked = [asyncio.create_task(schema.execute("{ a { b } }", context_value=one, root_value=go)) for one in askers]
        await asyncio.sleep(0.05)
        go.set()
        assert [None, None] == [answer.errors for answer in await asyncio.gather(*asked)]
        return [asker.waited_s for asker in askers]

    first, second = asyncio.run(do())

    assert first < second
    assert second >= 0.01


@dataclass
class Asker:
    whose: UUID
    measured: Measured | None = None
    waited_s: float = 0.0


def test_a_large_document_waits_for_those_of_the_same_person_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[DocumentNode] = []
    begun, go = threading.Event(), threading.Event()

    def checked(_: object, document: DocumentNode, **__: object) -> list[GraphQLError]:
        seen.append(document)
        begun.set()
        go.wait(30)
        return []

    monkeypatch.setattr("execution.guards.mistakes_of", checked)
    schema = strawberry.Schema(Query, extensions=[guards()])

    async def ask(whose: UUID, number: int) -> ExecutionResult:
        return await schema.execute("{ a }" + " " * (LARGE + number), context_value=Asker(whose))

    async def do() -> list[ExecutionResult]:
        greedy = uuid4()
        asked = [asyncio.create_task(ask(greedy, number)) for number in range(3)]
        await asyncio.to_thread(begun.wait, 30)
        asked.append(asyncio.create_task(ask(uuid4(), 3)))
        await asyncio.sleep(0.05)
        go.set()
        return await asyncio.gather(*asked)

    assert 4 * [{"a": 1}] == [result.data for result in asyncio.run(do())]
    assert 4 == len(seen)


@strawberry.type
class Query:
    @strawberry.field
    def a(self) -> int:
        return 1


@pytest.mark.parametrize(("letters", "is_beside"), [(10, False), (LARGE, True)])
def test_a_large_document_is_checked_beside_the_loop_once(
    monkeypatch: pytest.MonkeyPatch, letters: int, is_beside: bool
) -> None:
    threads = []

    def checked(*_: object, **__: object) -> list[GraphQLError]:
        threads.append(threading.current_thread())
        return []

    monkeypatch.setattr("execution.guards.mistakes_of", checked)
    schema = strawberry.Schema(Query, extensions=[guards()])
    text = "{ a }" + " " * letters

    for _ in range(2):
        assert {"a": 1} == asyncio.run(schema.execute(text)).data

    assert [is_beside] == [thread is not threading.main_thread() for thread in threads]


@pytest.mark.parametrize(
    ("text", "found", "is_beside"),
    [
        ("{" + "a " * 20 + "}", 0, False),
        ("{" + "a " * 100 + "}", 0, True),
        ("{" + "b " * 5 + "}", 5, False),
        ("{" + " ".join(f"b{number}" for number in range(12)) + "}", 12, True),
    ],
    ids=["few comparisons", "many comparisons", "few mistakes", "many mistakes"],
)
def test_a_small_document_is_checked_beside_the_loop_when_that_takes_long(
    monkeypatch: pytest.MonkeyPatch, text: str, found: int, is_beside: bool
) -> None:
    threads: list[bool] = []

    def checked(schema: GraphQLSchema, document: DocumentNode, **how: Any) -> list[GraphQLError]:
        threads.append(threading.current_thread() is not threading.main_thread())
        return mistakes_of(schema, document, **how)

    monkeypatch.setattr("execution.guards.mistakes_of", checked)
    schema = strawberry.Schema(Query, extensions=[guards()])

    async def ask() -> ExecutionResult:
        return await schema.execute(text, context_value=Asker(uuid4()))

    answer = asyncio.run(ask())

    assert (None if found else {"a": 1}, found) == (answer.data, len(answer.errors or []))
    assert [False, True][: 1 + is_beside] == threads
