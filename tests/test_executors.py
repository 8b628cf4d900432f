"""Operations that are given up while they run: their fields end, each in its order, and nothing is left behind."""

import asyncio
import gc
import warnings
import weakref

import pytest
import strawberry

from execution.executors import Executor

QUERY = "{ branches { value branches { value branches { value } } } branch { value } }"


class Waiting:
    """A context whose fields wait, until it is given up."""

    def __init__(self) -> None:
        self.is_given_up = False

    def give_up(self) -> None:
        self.is_given_up = True

    async def turn(self) -> None:
        await asyncio.sleep(0)
        if self.is_given_up:
            raise RuntimeError("given up")


Info = strawberry.Info[Waiting, None]


@strawberry.type
class Branch:
    @strawberry.field
    async def value(self, info: Info) -> int | None:
        await info.context.turn()
        return 1

    @strawberry.field
    async def branches(self, info: Info) -> "list[Branch] | None":
        await info.context.turn()
        return [Branch(), Branch()]


@strawberry.type
class Query:
    @strawberry.field
    async def branches(self, info: Info) -> list[Branch] | None:
        await info.context.turn()
        return [Branch(), Branch()]

    @strawberry.field
    async def branch(self, info: Info) -> Branch | None:
        await info.context.turn()
        return Branch()


SCHEMA = strawberry.Schema(Query, execution_context_class=Executor)


async def give_up_after(turns: int, *, times: int = 1) -> tuple[bool, Waiting]:
    """Return whether the operation was still running, and its context."""
    context = Waiting()
    running = asyncio.create_task(SCHEMA.execute(QUERY, context_value=context))
    for _ in range(turns):
        await asyncio.sleep(0)
    for _ in range(times):
        running.cancel()
        await asyncio.sleep(0)
    try:
        await running
    except asyncio.CancelledError:
        assert 1 == len(asyncio.all_tasks())
        return True, context
    return False, context


@pytest.mark.parametrize("times", [1, 3])
def test_an_operation_given_up_at_any_moment_leaves_nothing_unawaited(times: int) -> None:
    moments = 0
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        for turns in range(200):
            was_running, context = asyncio.run(give_up_after(turns, times=times))
            if not was_running:
                break
            moments += context.is_given_up
        gc.collect()

    assert [] == [str(warning.message) for warning in seen]
    assert moments > 5


def test_an_operation_that_is_wanted_is_answered() -> None:
    was_running, context = asyncio.run(give_up_after(500))

    assert (False, False) == (was_running, context.is_given_up)


@pytest.mark.parametrize("document", [QUERY, "{ nothing }", "{ __typename }"])
def test_what_an_answer_was_made_from_is_gone_with_it(document: str) -> None:
    def answer() -> weakref.ref[Waiting]:
        context = Waiting()
        asyncio.run(run(document, context))
        return weakref.ref(context)

    gc.collect()
    gc.disable()  # or it may come by, and find what would have stayed
    try:
        assert answer()() is None
    finally:
        gc.enable()


async def run(document: str, context: Waiting) -> None:
    await SCHEMA.execute(document, context_value=context)
