"""Whether the database server answers: a frozen one doesn't, one that refuses does."""

import asyncio

import pytest

from db.pulse import Pulse
from tests.apis import NOWHERE
from tests.databases import CrmDatabase


@pytest.mark.slow
def test_a_server_that_takes_connections_and_says_nothing_is_not_there_and_asked_once() -> None:
    async def ask() -> tuple[list[bool], int]:
        reached: list[asyncio.StreamWriter] = []
        server = await asyncio.start_server(lambda _, writer: reached.append(writer), "127.0.0.1")
        port = server.sockets[0].getsockname()[1]
        pulse = Pulse(f"postgresql://somebody@127.0.0.1:{port}/crm?sslmode=disable")
        async with server:
            found = await asyncio.gather(*(pulse.is_there() for _ in range(3)))
            count = len(reached)
            for writer in reached:
                writer.close()
        return found, count

    assert ([False] * 3, 1) == asyncio.run(ask())


def test_a_look_goes_on_for_the_others_when_one_who_asked_is_gone(crm: CrmDatabase) -> None:
    async def ask() -> bool:
        pulse = Pulse(crm.app_url)
        gone, waiting = (asyncio.create_task(pulse.is_there()) for _ in range(2))
        await asyncio.sleep(0)
        gone.cancel()
        return await waiting

    assert asyncio.run(ask())


def test_a_refusal_is_an_answer() -> None:
    assert asyncio.run(Pulse(NOWHERE).is_there())
