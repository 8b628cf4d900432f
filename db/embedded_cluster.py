"""The data folder of the embedded server: made once, whole or not at all, and checked before each use."""

from __future__ import annotations

import os
import re
import secrets
import shutil
from typing import TYPE_CHECKING

from db import embedded_account
from errors import ServerDataIncompatible, ServerNotStarted

if TYPE_CHECKING:
    from pathlib import Path

    from db.embedded_account import Account
    from db.embedded_binaries import Binaries

# Inside the data folder, so that one rename publishes both.
PASSWORD_FILE = "superuser_password"  # noqa: S105  a file's name


def ensure(data: Path, binaries: Binaries, account: Account, *, alive_fd: int, durable: bool) -> None:
    """Make `data` with initdb unless it exists.

    initdb works in a folder beside it, and its result gets its name when everything in it is finished: a half-made one
    never bears the name, and one that bears the name is never made again. initdb inherits the descriptor `alive_fd`:
    if we are killed it runs on, and the next start must wait for it. Raises ServerDataIncompatible, ServerNotStarted.
    """
    if data.exists():
        _check(data, binaries)
        superuser_password(data)
        return
    workshop = data.with_name(f"{data.name}.unfinished")
    if workshop.exists():
        shutil.rmtree(workshop)
    workshop.mkdir(mode=0o700)
    embedded_account.give(workshop, account)
    try:
        password = _write_private(workshop / PASSWORD_FILE, secrets.token_urlsafe(32), account)
        _initialise(workshop, binaries, account, alive_fd=alive_fd, durable=durable)
        password.rename(workshop / "data" / PASSWORD_FILE)
        (workshop / "data").rename(data)
    finally:
        shutil.rmtree(workshop, ignore_errors=True)


def superuser_password(data: Path) -> str:
    """Read the password of the role `postgres`. Raises ServerDataIncompatible if it isn't there."""
    try:
        return (data / PASSWORD_FILE).read_text(encoding="ascii")
    except FileNotFoundError as exc:
        raise ServerDataIncompatible(
            f"{data / PASSWORD_FILE} is missing, so nobody can log in to the server of that folder. "
            f"Restore the file, or move {data} away and start again with an empty one."
        ) from exc


def _check(data: Path, binaries: Binaries) -> None:
    version_file = data / "PG_VERSION"
    found = version_file.read_text(encoding="ascii").strip() if version_file.is_file() else ""
    if not found:
        raise ServerDataIncompatible(
            f"{data} isn't a PostgreSQL data folder (no PG_VERSION in it), and it isn't ours to delete. "
            "Move it away, or set TASKLINE_HOME to another folder, and start again."
        )
    if found != str(binaries.major):
        raise ServerDataIncompatible(
            f"{data} was made by PostgreSQL {found}, and this is PostgreSQL {binaries.version}, which can't read it. "
            "Save it by ./taskline backup of the release that made it, move it away, and ./taskline restore it."
        )


def _write_private(path: Path, text: str, account: Account) -> Path:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    embedded_account.give(path, account)
    return path


def _initialise(workshop: Path, binaries: Binaries, account: Account, *, alive_fd: int, durable: bool) -> None:
    """Make the folder `data` in the workshop."""
    with embedded_account.reachable(workshop, account) as (path, descriptors):
        command = [
            str(binaries.folder / "initdb"),
            f"--pgdata={path}/data",
            "--username=postgres",
            f"--pwfile={path}/{PASSWORD_FILE}",
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            "--no-instructions",
            *_locale(binaries.major),
            *([] if durable else ["--no-sync"]),
        ]
        done = embedded_account.run(command, account, pass_fds=(alive_fd, *descriptors))
    if done.returncode != 0:
        words = re.findall(r"(?:error|FATAL|PANIC|LOG): +(.+)", done.stderr) or [done.stderr.strip()]
        raise ServerNotStarted(
            f"initdb could not make a database in {workshop.parent}: {words[0]}. "
            "Make room there, or set TASKLINE_HOME to another folder, and start again."
        )


def _locale(major: int) -> list[str]:
    # The built-in provider sorts the same on every machine, whatever locales it has; it came with 17.
    if major >= 17:
        return ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    return ["--locale=C.UTF-8"]
