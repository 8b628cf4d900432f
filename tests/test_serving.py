"""The server's start."""

import asyncio
import gc
from collections.abc import Iterator

import pytest
import uvicorn
from starlette.applications import Starlette

from commands import serving
from tests.deadlines import DEADLINE_S


@pytest.fixture(autouse=True)
def thawed() -> Iterator[None]:
    """Give what is frozen back to the garbage collector, and let it work as other tests expect it."""
    usual = gc.get_threshold()
    yield
    gc.unfreeze()
    gc.set_threshold(*usual)


def test_the_garbage_collector_passes_over_what_the_server_started_with() -> None:
    async def frozen_when_up() -> int:
        is_up = asyncio.Event()
        with serving.listening("127.0.0.1", 0) as taken:
            server = serving.Server(uvicorn.Config(Starlette(), log_config=None), when_up=is_up.set)
            serves = asyncio.create_task(server.serve(sockets=[taken]))
            await is_up.wait()
            frozen = gc.get_freeze_count()
            server.should_exit = True
            await serves
        return frozen

    assert asyncio.run(asyncio.wait_for(frozen_when_up(), DEADLINE_S)) > 10_000
