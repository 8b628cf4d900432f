"""An application's load on a CRM while a migration runs, and what its statements met: for rehearsals and benchmarks."""

from __future__ import annotations

import asyncio
import math
import random
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import asyncpg

from migrations.rehearsal.load_statements import COMPLETE, INSERT, MARK, operations

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from uuid import UUID

    from migrations.rehearsal.load_statements import Operation

# A statement that takes longer has failed: an application, or whoever waits for it, would have given up.
STATEMENT_TIMEOUT_S = 10


@dataclass(frozen=True, slots=True)
class Sample:
    """One statement of the application.

    `started_s` is when it was due, counted from the load's start, and `duration_ms` runs from then: a statement that
    couldn't be sent because the one before it was held up has waited, too. `error` is what the server said.
    """

    kind: str
    started_s: float
    duration_ms: float
    error: str | None


@dataclass(frozen=True, slots=True)
class Summary:
    """Samples in figures, milliseconds; failed ones count in all of them."""

    count: int
    failed: int
    p50_ms: float
    p99_ms: float
    longest_ms: float


def summary(samples: Sequence[Sample]) -> Summary:
    """Return the figures of all samples together; zeros if there are none."""
    durations = sorted(sample.duration_ms for sample in samples) or [0.0]

    def percentile(share: float) -> float:
        return durations[max(0, math.ceil(share * len(durations)) - 1)]

    failed = sum(sample.error is not None for sample in samples)
    return Summary(len(samples), failed, percentile(0.5), percentile(0.99), durations[-1])


@asynccontextmanager
async def load(
    url: str, *, connections: int = 6, rate_per_s: float = 20, organization_id: UUID | None = None
) -> AsyncIterator[list[Sample]]:
    """Send `rate_per_s` statements on each of `connections` while the block runs; yield the growing list of samples.

    Statements are due at fixed times, whatever the server does, so a stall of a second shows as `rate_per_s` late
    statements on each connection and not as a pause. With `organization_id` each connection names it as its tenant,
    as a role that row security binds must. When the block ends, what was sent is awaited and all connections are
    closed. A database without a task gets no writes. Raises MigrationRefused if no statement works here at all.
    """
    settings = {"application_name": "taskline load"}
    if organization_id:
        settings["app.current_organization_id"] = str(organization_id)
    first = await _connect(url, settings)
    try:
        todo = await operations(first)
    finally:
        await first.close()
    samples: list[Sample] = []
    stop = asyncio.Event()
    clock = _Clock(time.perf_counter(), 1 / rate_per_s)
    workers = [_Worker(url, settings, todo, clock, samples, random.Random(n)) for n in range(connections)]  # noqa: S311
    tasks = [asyncio.create_task(worker.run(stop, n / connections)) for n, worker in enumerate(workers)]
    try:
        yield samples
    finally:
        stop.set()
        await asyncio.gather(*tasks)


async def remove(url: str) -> int:
    """Delete the tasks that loads have inserted, with their history; return how many."""
    connection = await _connect(url, {"application_name": "taskline load"})
    try:
        bounds = (f"{MARK}-0000-0000-0000-{'0' * 12}", f"{MARK}-ffff-ffff-ffff-{'f' * 12}")
        done = await connection.execute(
            "DELETE FROM lead_interactions WHERE id BETWEEN $1::text::uuid AND $2::text::uuid", *bounds
        )
        return int(done.rpartition(" ")[2])
    finally:
        await connection.close()


async def _connect(url: str, settings: dict[str, str]) -> asyncpg.Connection:
    return await asyncpg.connect(url, server_settings=settings, timeout=STATEMENT_TIMEOUT_S)


async def _value(connection: asyncpg.Connection, sql: str, target: UUID) -> Any:
    """Run a statement as an application does that goes on after a new column has changed what `SELECT *` returns.

    asyncpg prepares it anew once by itself, and now and then that isn't enough (see docs/migrations.md).
    """
    try:
        return await connection.fetchval(sql, target, timeout=STATEMENT_TIMEOUT_S)
    except asyncpg.InvalidCachedStatementError:
        return await connection.fetchval(sql, target, timeout=STATEMENT_TIMEOUT_S)


@dataclass(frozen=True, slots=True)
class _Clock:
    started: float
    interval_s: float

    @property
    def now_s(self) -> float:
        return time.perf_counter() - self.started


class _Worker:
    """One connection of the application; it connects again when it lost the server."""

    def __init__(
        self,
        url: str,
        settings: dict[str, str],
        todo: list[Operation],
        clock: _Clock,
        samples: list[Sample],
        chance: random.Random,
    ) -> None:
        self._url = url
        self._settings = settings
        self._todo = todo
        self._clock = clock
        self._samples = samples
        self._chance = chance
        self._open_tasks: list[UUID] = []
        self._connection: asyncpg.Connection | None = None

    async def run(self, stop: asyncio.Event, offset: float) -> None:
        """Send statements until `stop`; `offset`, 0 to 1, is when in an interval, so that not all send at once."""
        due_s = offset * self._clock.interval_s
        while not await self._stopped(stop, due_s):
            operation = self._chance.choice(self._todo)
            if operation.kind == COMPLETE and not self._open_tasks:
                operation = next(one for one in self._todo if one.kind == INSERT)
            error = await self._send(operation)
            self._samples.append(Sample(operation.kind, due_s, (self._clock.now_s - due_s) * 1_000, error))
            due_s += self._clock.interval_s
        if self._connection and not self._connection.is_closed():
            await self._connection.close()

    async def _stopped(self, stop: asyncio.Event, due_s: float) -> bool:
        try:
            await asyncio.wait_for(stop.wait(), max(0, due_s - self._clock.now_s))
        except TimeoutError:
            return False
        return True

    async def _send(self, operation: Operation) -> str | None:
        is_own = operation.kind == COMPLETE
        target = self._open_tasks.pop(0) if is_own else self._chance.choice(operation.ids)
        try:
            if self._connection is None or self._connection.is_closed():
                self._connection = await _connect(self._url, self._settings)
            returned = await _value(self._connection, operation.sql, target)
        except asyncpg.PostgresError as exc:
            return f"{exc.args[0]} (SQLSTATE {exc.sqlstate})"
        except (OSError, TimeoutError, asyncpg.InterfaceError, asyncpg.InternalClientError) as exc:
            self._drop_connection()
            return str(exc) or f"no answer in {STATEMENT_TIMEOUT_S} s"
        if operation.kind == INSERT and returned:
            self._open_tasks.append(returned)
        return None

    def _drop_connection(self) -> None:
        """Begin anew after the driver lost its thread; the next statement connects."""
        if self._connection:
            self._connection.terminate()
        self._connection = None
