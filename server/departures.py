"""A client that leaves before it has its answer: what is still asked for it is given up."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from starlette.requests import Request
    from starlette.types import Receive

WATCHED_AFTER_S = 0.5
"""Most answers are made long before: watching from the start would cost each of them a task."""


@contextmanager
def noticed(request: Request, give_up: Callable[[], None]) -> Iterator[None]:
    """Call `give_up` when the client of a request, whose body has been read, leaves within the block."""
    watching: list[asyncio.Task[None]] = []
    timer = asyncio.get_running_loop().call_later(
        WATCHED_AFTER_S, lambda: watching.append(asyncio.create_task(_watch(request.receive, give_up)))
    )
    try:
        yield
    finally:
        timer.cancel()
        for task in watching:
            task.cancel()


async def _watch(receive: Receive, give_up: Callable[[], None]) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    give_up()
