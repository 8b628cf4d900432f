"""Several server processes on one socket: started together, started again when one dies or hangs, ended together.

uvicorn has such a supervisor, too. But its workers outlive it when it is killed, one that fails before it serves is
started again for ever, and a start that failed ends with exit code 0.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
import sys
from asyncio.subprocess import DEVNULL
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from errors import WorkerNotStarted
from server import logs

if TYPE_CHECKING:
    from asyncio.subprocess import Process
    from collections.abc import Callable

    from settings import LogFormat

log = logging.getLogger(__name__)

RETRY_S = 1.0
"""How long nobody tries to replace a worker after its replacement has failed to start."""
LISTEN_S = 5.0
"""How long a worker, which is to say each second that it is there, is listened to at a time."""
MOST_SILENCES = 6
"""How many times in a row it may say nothing; then it hangs. In several times, because the whole machine may pause."""


def run(
    count: int,
    taken: socket.socket,
    *,
    when_up: Callable[[], None],
    when_gone: Callable[[int], None] | None = None,
    patience_s: float,
    log_format: LogFormat,
) -> None:
    """Serve by so many processes until Ctrl-C or SIGTERM; each then has so long to end. Raises WorkerNotStarted.

    `when_gone` is told the id of one that has died, and is replaced.
    """
    logs.configure(log_format)
    asyncio.run(Workers(taken, patience_s, when_gone).serve(count, when_up))


@dataclass(frozen=True, slots=True)
class Worker:
    """A process that serves as long as we hold our end of the line to it, and says each second that it is up."""

    process: Process
    line: socket.socket

    async def ended(self) -> str:
        """Wait for its end; say how it came."""
        code = await self.process.wait()
        return f"exit code {code}" if code >= 0 else signal.Signals(-code).name

    async def ended_or_hung(self) -> str:
        """Wait for its end, and make one when it has said nothing for too long; say how it came."""
        listening = asyncio.create_task(self._kill_when_silent())
        try:
            return await self.ended()
        finally:
            listening.cancel()

    async def _kill_when_silent(self) -> None:
        silences = 0
        while silences < MOST_SILENCES:
            try:
                if not await asyncio.wait_for(asyncio.get_running_loop().sock_recv(self.line, 64), LISTEN_S):
                    return  # it has ended
                silences = 0
            except TimeoutError:
                silences += 1
            except OSError:  # it has been killed
                return
        log.error("worker %d has said nothing for %.0f s: it hangs", self.process.pid, silences * LISTEN_S)
        self.process.kill()

    async def stop(self, patience_s: float) -> None:
        """Let it end as it does by SIGTERM, and wait until it has; one that doesn't is killed."""
        self.line.close()
        try:
            await asyncio.wait_for(self.process.wait(), patience_s)
        except TimeoutError:
            log.warning("worker %d didn't end within %.0f s, and was killed", self.process.pid, patience_s)
            self.process.kill()
            await self.process.wait()


class Workers:
    """The processes that share a socket, and their lives."""

    def __init__(self, taken: socket.socket, patience_s: float, when_gone: Callable[[int], None] | None = None) -> None:
        self._taken = taken
        self._when_gone = when_gone
        self._patience_s = patience_s
        self._running: set[Worker] = set()
        self._is_stopping = False

    async def serve(self, count: int, when_up: Callable[[], None]) -> None:
        """Serve until Ctrl-C or SIGTERM. Raises WorkerNotStarted unless each is up once."""
        loop, serving = asyncio.get_running_loop(), asyncio.ensure_future(self._serve(count, when_up))
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._stop, serving, number)
        try:
            await asyncio.wait([serving])
        finally:
            self._taken.close()  # whoever comes when the workers have left is refused
            await asyncio.gather(*(worker.stop(self._patience_s) for worker in self._running))
        if not serving.cancelled():
            serving.result()

    async def _serve(self, count: int, when_up: Callable[[], None]) -> None:
        first = await self._started()  # what keeps it from starting would keep all, and is said once
        others = await asyncio.gather(*(self._started() for _ in range(count - 1)), return_exceptions=True)
        workers = [first]
        for other in others:
            if isinstance(other, BaseException):
                raise other
            workers.append(other)
        when_up()
        async with asyncio.TaskGroup() as keepers:
            for worker in workers:
                keepers.create_task(self._keep(worker))

    async def _keep(self, worker: Worker) -> None:
        """Whenever it ends, start another in its place."""
        while True:
            how = await worker.ended_or_hung()
            self._running.discard(worker)
            worker.line.close()
            if self._when_gone:
                self._when_gone(worker.process.pid)
            log.error("worker %d ended (%s), and another is started", worker.process.pid, how)
            worker = await self._replaced()

    async def _replaced(self) -> Worker:
        while True:
            try:
                return await self._started()
            except WorkerNotStarted as exc:
                log.error("%s", exc)  # noqa: TRY400 - the worker has said what went wrong
                await asyncio.sleep(RETRY_S)

    async def _started(self) -> Worker:
        """Start a worker; return it when it is up. Raises WorkerNotStarted for one that ends before."""
        ours, theirs = socket.socketpair()
        ours.setblocking(False)  # noqa: FBT003 - the library's signature
        with theirs:
            try:
                worker = Worker(await self._process(theirs), ours)
            except OSError as exc:
                ours.close()
                raise WorkerNotStarted(f"No server process can be started: {exc}. Free what is short.") from exc
        self._running.add(worker)
        if not await asyncio.get_running_loop().sock_recv(ours, 1):
            self._running.discard(worker)
            ours.close()
            how = await worker.ended()
            raise WorkerNotStarted(f"A server process ended before it could serve ({how}). It may have said why above.")
        return worker

    async def _process(self, line: socket.socket) -> Process:
        handed = (self._taken.fileno(), line.fileno())
        return await asyncio.create_subprocess_exec(
            *(sys.executable, *(["-P"] if sys.flags.safe_path else []), "-m", "commands.worker"),
            *map(str, handed),
            stdin=DEVNULL,
            pass_fds=handed,
            process_group=0,  # a terminal's Ctrl-C reaches us alone
        )

    def _stop(self, serving: asyncio.Future[None], number: signal.Signals) -> None:
        """Stop; when it is asked for again by Ctrl-C, without waiting for clients."""
        if not self._is_stopping:
            self._is_stopping = True
            serving.cancel()
        elif number is signal.SIGINT:
            for worker in self._running:
                with suppress(ProcessLookupError):  # it has ended
                    worker.process.send_signal(number)
