"""What PostgreSQL is sent: each statement as it comes by the wire, with its arguments and its transaction's setting.

The messages are those of the protocol's version 3 (manual: Message Formats). Nothing is changed.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from uuid import UUID

from tests.databases import CrmDatabase
from tests.proxies import Wire, wire

TLS_REQUEST = 80877103
_ORGANIZATION = re.compile(r"SET LOCAL app\.current_organization_id = '([^']*)'")
_END = re.compile(r"\s*(COMMIT|ROLLBACK)\b")


@dataclass(frozen=True, slots=True)
class Heard:
    """A statement that the server was sent."""

    sql: str
    arguments: tuple[bytes | None, ...]
    """As they come: a uuid as its 16 bytes."""
    organizations: tuple[UUID, ...]
    """To which its transaction has been set by then, in that order."""

    def argument(self, number: int) -> bytes | None:
        """Return the value of $1, $2 …"""
        return self.arguments[number - 1]


@dataclass(slots=True)
class Ear:
    """Hears one connection."""

    heard: list[Heard]
    _rest: bytes = b""
    _is_greeted: bool = False
    _prepared: dict[bytes, str] = field(default_factory=dict)
    _organizations: tuple[UUID, ...] = ()

    def __call__(self, data: bytes) -> bytes:
        """Take a piece, and return it as it is."""
        self._rest += data
        while self._next():
            pass
        return data

    def _next(self) -> bool:
        """Take the next message, if it is whole."""
        at = 1 if self._is_greeted else 0  # the first ones have no letter
        if len(self._rest) < at + 4:
            return False
        end = at + int.from_bytes(self._rest[at : at + 4])
        if len(self._rest) < end:
            return False
        kind, body, self._rest = self._rest[:at], self._rest[at + 4 : end], self._rest[end:]
        if not self._is_greeted:
            self._is_greeted = int.from_bytes(body[:4]) != TLS_REQUEST
        elif kind == b"Q":
            self._asked(body.rstrip(b"\0").decode())
        elif kind == b"P":
            name, sql, _ = body.split(b"\0", 2)
            self._prepared[name] = sql.decode()
        elif kind == b"B":
            _, name, more = body.split(b"\0", 2)
            self.heard.append(Heard(self._prepared[name], tuple(_values(more)), self._organizations))
        return True

    def _asked(self, sql: str) -> None:
        if sql.startswith("BEGIN"):
            self._organizations = ()
        self._organizations += tuple(map(UUID, _ORGANIZATION.findall(sql)))
        self.heard.append(Heard(sql, (), self._organizations))
        if _END.match(sql):
            self._organizations = ()


def _values(message: bytes) -> Iterator[bytes | None]:
    """Read the values of a Bind message, behind its names."""
    at = 2 + 2 * int.from_bytes(message[:2])  # behind how each is written
    count, at = int.from_bytes(message[at : at + 2]), at + 2
    for _ in range(count):
        length, at = int.from_bytes(message[at : at + 4], signed=True), at + 4
        yield None if length < 0 else message[at : at + length]
        at += max(length, 0)


@contextmanager
def hearing(database: CrmDatabase) -> Iterator[tuple[Wire, list[Heard]]]:
    """Yield a wire to the database, and what is heard on it, which grows."""
    heard: list[Heard] = []
    with wire(database, each_to_server=lambda: Ear(heard)) as made:
        yield made, heard
