"""One of several server processes; `commands/workers.py` starts it, with the numbers of two open sockets."""

from __future__ import annotations

import asyncio
import socket
import sys
from contextlib import suppress
from threading import Thread

from commands.serving import Server, server_of
from commands.streams import make_safe
from errors import TasklineError
from settings import Settings

BEAT_S = 1.0


def main(taken: socket.socket, line: socket.socket) -> None:
    """Serve on the socket that was taken until whoever holds the other end of the line lets go of it, or ends."""
    beating: list[asyncio.Task[None]] = []

    def begin() -> None:
        beating.append(asyncio.get_running_loop().create_task(_beat(line)))

    server = server_of(Settings.from_env(), taken, when_up=begin)
    drain_delay_s, server.drain_delay_s = server.drain_delay_s, 0  # told alone it leaves others, who take what comes
    Thread(target=_end_with, args=(line, server, drain_delay_s), daemon=True).start()
    server.run_to_the_end(taken)


async def _beat(line: socket.socket) -> None:
    """Tell that the event loop runs, as long as somebody listens; who listens later has enough of what was said."""
    with suppress(OSError):  # nobody does: we are about to end
        while True:
            with suppress(BlockingIOError):
                line.send(b"!", socket.MSG_DONTWAIT)
            await asyncio.sleep(BEAT_S)


def _end_with(line: socket.socket, server: Server, drain_delay_s: float) -> None:
    with suppress(ConnectionResetError):  # what we said last was not read
        line.recv(1)
    server.drain_delay_s = drain_delay_s
    server.should_exit = True


if __name__ == "__main__":
    make_safe()
    try:
        main(*(socket.socket(fileno=int(number)) for number in sys.argv[1:]))
    except TasklineError as exc:
        sys.stderr.write(f"taskline: {exc}\n")
        sys.exit(exc.exit_code)
