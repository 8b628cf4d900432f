"""What is counted for Prometheus: how often, how long, how dear, what failed, and the state of this process.

Nothing of it names a person, an organization or a record. `commands/metrics.py` tells it.
"""

from __future__ import annotations

import asyncio
import logging
import math
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

from prometheus_client import Counter, Gauge, Histogram

from errors import TasklineError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from db.engine import Database
    from server.accesses import Access
    from server.health import Readiness

log = logging.getLogger(__name__)

WAITS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
MOST_OPERATIONS = 100
"""How many operations are told by their names; clients choose these, and each costs Prometheus a dozen series."""
OTHER = "(other)"
WATCHED = ("INTERNAL", "TIMEOUT", "UNAUTHENTICATED", "UNAVAILABLE")
"""Codes that alerts look at."""
SAMPLE_S = 1.0
READY_S = 15.0
"""How often the database's catalogue is asked whether the API has what it needs."""


class Metrics:
    """The metrics of one process."""

    def __init__(self) -> None:
        self._operations: set[str] = set()
        # In no registry: who tells them reads them from files.
        waits = partial(Histogram, registry=None, buckets=WAITS_S)
        sums = partial(Counter, registry=None)
        states = partial(Gauge, registry=None, multiprocess_mode="livesum")
        named = ["kind", "operation"]
        words = "How long requests took, subscriptions apart. kind: query, mutation, refused or other."
        self._requests = waits("taskline_request_seconds", words, named)
        self._subscriptions = sums("taskline_subscriptions_ended", "Subscriptions that have ended.", ["operation"])
        self._points = sums("taskline_points", "What operations could have cost.", named)
        self._statements = sums("taskline_statements", "Statements run for them.", named)
        self._errors = sums("taskline_errors", "Requests that met an error, by its code.", ["code"])
        for code in WATCHED:
            self._errors.labels(code)  # from 0 on: Prometheus sees no rise in what begins at 1
        words = "From the begin of a change's transaction until a live view had read the event."
        self._event_lag = waits("taskline_event_lag_seconds", words)
        self._sockets = states("taskline_sockets", "WebSockets that are open.")
        self._socket_operations = states("taskline_socket_operations", "Operations under way on them.")
        self._pool = states("taskline_pool_connections", "Connections to the database.", ["state"])
        self._pool_size = states("taskline_pool_size", "How many there may be.")
        self._waiting = states("taskline_pool_waiting", "Sessions that wait for a connection.")
        words = "How late the event loop was when it was last looked at."
        self._loop_lag = states("taskline_event_loop_lag_seconds", words, multiprocess_mode="livemax")
        words = "1 when the database is there and has all that the API needs, its migrations too."
        self._ready = states("taskline_ready", words, multiprocess_mode="livemin")
        words = (
            "1 when the database takes no changes, though it is ready: it has no room, for example, or commits wait."
        )
        self._read_only = states("taskline_read_only", words, multiprocess_mode="livemax")
        words = "How old what is shown may be, because the server is a standby."
        self._behind = states("taskline_standby_behind_seconds", words, multiprocess_mode="livemax")
        words = "By how much this machine's clock is ahead of the database's."
        self._clock_ahead = states("taskline_clock_ahead_seconds", words, multiprocess_mode="livemostrecent")

    def count(self, access: Access, kind: str) -> None:
        """Count a request or an operation on a socket that has ended: of this kind, if it isn't known what it asks."""
        self.count_errors(access)
        kind, operation = self._what(access, kind)
        if kind == "subscription":
            self._subscriptions.labels(operation).inc()
        else:
            self._requests.labels(kind, operation).observe(access.duration_s)
        if access.measured and access.measured.points:
            self._points.labels(kind, operation).inc(access.measured.points)
        if access.session and access.session.statements:
            self._statements.labels(kind, operation).inc(access.session.statements)

    def count_errors(self, access: Access) -> None:
        """Count the errors alone, as of a socket that has ended: its operations have been counted."""
        for code in access.codes:
            self._errors.labels(code).inc()

    def note_event(self, lag_s: float) -> None:
        """Note how old an event was when a live view had read it."""
        self._event_lag.observe(max(0.0, lag_s))

    @contextmanager
    def open_socket(self) -> Iterator[None]:
        """Count a socket as open within the block."""
        with self._sockets.track_inprogress():
            yield

    @contextmanager
    def socket_operation(self) -> Iterator[None]:
        """Count an operation on a socket as under way within the block."""
        with self._socket_operations.track_inprogress():
            yield

    async def watch(self, database: Database, readiness: Readiness) -> None:
        """Look at the pool and the event loop each second, and at the database now and then, until cancelled."""
        loop = asyncio.get_running_loop()
        self._pool_size.set(database.pool_size)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._watch_readiness(readiness))
            while True:
                due = loop.time() + SAMPLE_S
                await asyncio.sleep(SAMPLE_S)
                self._loop_lag.set(max(0.0, loop.time() - due))
                load = database.load
                self._pool.labels("in use").set(load.in_use)
                self._pool.labels("idle").set(load.idle)
                self._waiting.set(load.waiting)

    async def _watch_readiness(self, readiness: Readiness) -> None:
        while True:
            is_ready, is_read_only, behind_s, ahead_s = False, False, 0.0, math.nan
            try:
                health = await readiness.look()
                is_ready, is_read_only = not health.missing, health.read_only is not None
                behind_s, ahead_s = health.behind_s, health.clock_ahead_s
            except TasklineError:  # /readyz says it
                pass
            except Exception:
                log.exception("whether the database is ready couldn't be found out")
            self._ready.set(is_ready)
            self._read_only.set(is_read_only)
            self._behind.set(behind_s)
            self._clock_ahead.set(ahead_s)
            await asyncio.sleep(READY_S)

    def _what(self, access: Access, kind: str) -> tuple[str, str]:
        if measured := access.measured:
            name = measured.name or ""
            if name not in self._operations:
                if access.codes or len(self._operations) >= MOST_OPERATIONS:  # wrong documents use up no name
                    return measured.kind, OTHER
                self._operations.add(name)
            return measured.kind, name
        return kind, ""
