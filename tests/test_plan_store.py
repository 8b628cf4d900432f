"""However many different documents are sent, the plans that are kept of them take no more memory than they may."""

import asyncio
import gc
import tracemalloc
from collections.abc import Callable

import pytest
import strawberry

from execution import plan_store
from execution.plan_store import PlanStore
from execution.planned_executors import executing

BYTES = 1_500_000


@strawberry.interface
class Thing:
    name: str

    @strawberry.field
    def again(self) -> "Thing":
        return Stone(name=self.name)


@strawberry.type
class Stone(Thing):
    pass


@strawberry.type
class Leaf(Thing):
    pass


@strawberry.type
class Query:
    @strawberry.field
    def thing(self, numbers: list[int] | None = None) -> Thing:
        return Stone(name=f"Flint {numbers}")


class Context:
    by_plan = 0

    def foresee(self, *_: object) -> None:
        pass


SHAPES: dict[str, Callable[[int], str]] = {
    "names": lambda n: f"{{ thing {{ {' '.join(f'a{n}_{k}: name' for k in range(200))} }} }}",
    "the same name": lambda n: f"{{ thing {{ a{n}: name {'name ' * 200} }} }}",
    "objects": lambda n: f"{{ thing {{ {' '.join(f'a{n}_{k}: again {{ name }}' for k in range(80))} }} }}",
    "depth": lambda n: f"{{ thing {{ {'again { ' * 11} a{n}: name {'} ' * 11} }} }}",
    "kinds": lambda n: f"{{ thing {{ {' '.join(f'... on Stone {{ a{n}_{k}: name }}' for k in range(80))} }} }}",
    "fragments": lambda n: f"{{ a{n}: thing {{ {'...F ' * 50} }} }} fragment F on Thing {{ again {{ name }} }}",
    "values": lambda n: f"{{ a{n}: thing(numbers: [{'1 ' * 400}]) {{ name }} }}",
    "conditions": lambda n: f"{{ thing {{ {' '.join(f'a{n}_{k}: name @skip(if: false)' for k in range(80))} }} }}",
    "small": lambda n: f"{{ a{n}: thing {{ name }} }}",
}


@pytest.mark.slow
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_the_memory_of_plans_is_bounded(shape: Callable[[int], str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan_store, "MOST_BYTES", BYTES)
    monkeypatch.setattr(plan_store, "MOST_OPERATIONS", 10_000)
    plans = PlanStore()
    schema = strawberry.Schema(Query, types=[Stone, Leaf], execution_context_class=executing(plans))

    async def ask(numbers: range) -> None:
        for number in numbers:
            answer = await schema.execute(shape(number), context_value=Context())
            assert not answer.errors

    async def ask_until_some_leave() -> None:
        number = 1
        while len(plans._kept) == number:
            await ask(range(number, number + 1))
            number += 1
        await ask(range(number, number + number // 4))

    asyncio.run(ask(range(1)))  # what is made at first use isn't theirs
    gc.collect()
    tracemalloc.start()
    try:
        asyncio.run(ask_until_some_leave())
        gc.collect()
        kept_bytes, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert plans.left == 0
    assert BYTES / 8 < kept_bytes <= BYTES
