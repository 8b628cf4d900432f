"""Rounds: all that one level of an answer needs of a relation is loaded by one statement, however many rows need it.

A loader that sends its keys as soon as the event loop turns needs as many statements as there are moments at which its
keys arrive, and those are a matter of chance: a page with every relation took 9 to 12. Here a round waits until nothing
moves, so that the number follows from the query alone.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
    from uuid import UUID

    from db.sessions import Session

Row = TypeVar("Row")

# One turn of the event loop is enough for the widest query of tests/test_statement_counts.py; fields that gather within
# gather may need more. A turn takes some 20 µs, and one too few costs a statement, no more.
QUIET_TURNS = 5


class Rounds:
    """One operation's rounds: when all fields wait, all loaders with new keys load, and all fields go on together."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._asked: list[Loader[Any]] = []
        self._keys = 0
        self._running: asyncio.Task[None] | None = None
        self._companions: dict[UUID, Collection[UUID]] = {}

    def expect(self, keys: Iterable[UUID]) -> None:
        """Note that whatever is asked of one of these keys will be asked of the others, too, and is loaded for all."""
        group = set(keys)
        self._companions |= dict.fromkeys(group, group)

    def companions_of(self, keys: Iterable[UUID]) -> Iterable[UUID]:
        """Return what is expected with these keys, each once, and they themselves; nothing in most operations."""
        return {other for key in keys for other in self._companions.get(key, ())} if self._companions else ()

    def ask(self, loader: Loader[Any]) -> None:
        """Note that a loader has a new key, and see to it that a round is coming."""
        self._keys += 1
        if loader not in self._asked:
            self._asked.append(loader)
        if self._running is None or self._running.done():
            self._running = asyncio.create_task(self._run())

    async def _run(self) -> None:
        while self._asked:
            await self._quiet()
            asked, self._asked = self._asked, []
            for loader in asked:
                await loader.fetch_new()
            for loader in asked:
                loader.hand_out()

    async def _quiet(self) -> None:
        """Return when no statement runs and the event loop has turned a few times without a new key."""
        turns = 0
        while turns < QUIET_TURNS:
            before = self._keys, self._session.statements
            await self._session.settled()
            await asyncio.sleep(0)
            turns = turns + 1 if before == (self._keys, self._session.statements) else 0


class Loader(Generic[Row]):
    """Loads rows by a key, each key once in an operation; None where there is no such row."""

    def __init__(
        self,
        rounds: Rounds,
        session: Session,
        fetch: Callable[[Session, Sequence[UUID]], Awaitable[list[Row]]],
        key_of: Callable[[Row], UUID | None],
    ) -> None:
        self._rounds = rounds
        self._session = session
        self._fetch = fetch
        self._key_of = key_of
        self._rows: dict[UUID, Row | None] = {}
        self._coming: dict[UUID, asyncio.Future[None]] = {}
        """What is done when a key's row has come; a key whose statement failed stays, and fails whoever asks again."""
        self._new: list[UUID] = []
        self._next: asyncio.Future[None] | None = None
        """Done when the rows of the new keys have come."""
        self._arriving: asyncio.Future[None] | None = None
        """The same, of the keys that are being fetched."""
        self._fetched: list[UUID] = []
        self._found: dict[UUID | None, Row] = {}
        self._failure: Exception | None = None

    async def load(self, key: UUID) -> Row | None:
        """Return the row."""
        return self._rows[key] if key in self._rows else (await self._load(key))[key]

    def load_many(self, keys: Collection[UUID]) -> Mapping[UUID, Row | None] | Awaitable[Mapping[UUID, Row | None]]:
        """Return the rows of these keys, and of others; what to await where some are still to come."""
        return self._rows if all(key in self._rows for key in keys) else self._load(*keys)

    async def _load(self, *keys: UUID) -> Mapping[UUID, Row | None]:
        """Return the rows once all have come. A field that is cancelled doesn't take them from the others."""
        missing = [key for key in keys if key not in self._rows]
        if new := [key for key in missing if key not in self._coming]:
            if self._next is None:
                self._next = asyncio.get_running_loop().create_future()
            self._coming |= dict.fromkeys(new, self._next)
            expected = [key for key in self._rounds.companions_of(new) if not self._is_known(key)]
            self._coming |= dict.fromkeys(expected, self._next)
            self._new += new + expected
            self._rounds.ask(self)
        for coming in {self._coming[key] for key in missing}:
            await asyncio.shield(coming)
        return self._rows

    def _is_known(self, key: UUID) -> bool:
        return key in self._coming or key in self._rows

    def prime(self, rows: Mapping[UUID, Row | None]) -> None:
        """Take rows that another statement has read in the same transaction, so that nobody asks for them again."""
        for key, row in rows.items():
            if key not in self._coming:
                self._rows.setdefault(key, row)

    async def fetch_new(self) -> None:
        """Fetch the rows of the new keys. 1 statement."""
        self._fetched, self._new = self._new, []
        self._arriving, self._next = self._next, None
        try:
            self._found = {self._key_of(row): row for row in await self._fetch(self._session, self._fetched)}
        except Exception as exc:  # noqa: BLE001 - raised in each field that waits for one of these rows
            self._failure = exc

    def hand_out(self) -> None:
        """Let all who wait for the fetched rows go on, with them or with the failure."""
        failure, arriving = self._failure, self._arriving
        self._failure = self._arriving = None
        if arriving is None:
            return
        if failure:
            arriving.set_exception(failure)
            arriving.exception()  # or asyncio logs it, where all who waited have been cancelled
            return
        for key in self._fetched:
            self._rows[key] = self._found.get(key)
            del self._coming[key]
        arriving.set_result(None)
