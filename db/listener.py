"""Word that events were written, from whichever process wrote them: PostgreSQL's NOTIFY, without a payload.

It only makes readers look sooner. They look every few seconds anyway, so nothing is lost while this connection is away,
or behind a pooler that knows no LISTEN.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import TYPE_CHECKING

import asyncpg

from db.driver_errors import while_connecting, while_running
from db.server_states import IDENTITY
from errors import TasklineError

if TYPE_CHECKING:
    from collections.abc import Callable

log = logging.getLogger(__name__)

CHANNEL = "taskline_events"
RETRY_S = 1.0
CONNECT_S = 5.0
LOOK_S = 30.0
"""How often the connection is tried: one whose other end vanished without a word would else be believed for hours."""


async def listen(url: str, heard: Callable[[], None], reached: Callable[[str | None], None]) -> None:
    """Call `heard` whenever events were written, and whenever some may have been missed; until it is cancelled.

    `reached` is told which database that is, at each new connection, and None at the end of one.
    """
    while True:
        try:
            await _listen_once(url, heard, reached)
        except TasklineError as exc:
            log.info("live events wait for the database: %s", exc)
        await asyncio.sleep(RETRY_S)


async def _listen_once(url: str, heard: Callable[[], None], reached: Callable[[str | None], None]) -> None:
    with while_connecting():
        connection = await asyncpg.connect(
            url, timeout=CONNECT_S, server_settings={"application_name": "taskline live"}
        )
    ended = asyncio.Event()
    connection.add_termination_listener(lambda _: ended.set())
    try:
        with while_running():
            with suppress(asyncpg.InsufficientPrivilegeError):  # /readyz says that it is missing
                reached(await connection.fetchval(IDENTITY))
            await connection.add_listener(CHANNEL, lambda *_: heard())
            heard()
            while not ended.is_set():
                with suppress(TimeoutError):
                    await asyncio.wait_for(ended.wait(), LOOK_S)
                    break
                await connection.execute("SELECT", timeout=CONNECT_S)
    finally:
        reached(None)
        connection.terminate()
