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


def ensure(data: Path, scratch: Path, binaries: Binaries, account: Account, *, alive_fd: int, durable: bool) -> None:
    """Make `data` with initdb unless it exists; `scratch` is a private folder of the account.

    initdb inherits the descriptor `alive_fd`: killed without it, we leave it running, and the next start must wait.
    It works in a folder beside it, which is renamed when everything in it is finished: a half-made one never
    bears the name, and one that bears the name is never made again. Raises ServerDataIncompatible, ServerNotStarted.
    """
    if data.exists():
        _check(data, binaries)
        superuser_password(data)
        return
    unfinished = data.with_name(f"{data.name}.unfinished")
    if unfinished.exists():
        shutil.rmtree(unfinished)
    unfinished.mkdir(mode=0o700)
    embedded_account.give(unfinished, account)
    password = _write_private(scratch / "password", secrets.token_urlsafe(32), account)
    try:
        _initialise(unfinished, password, binaries, account, alive_fd=alive_fd, durable=durable)
        _write_private(unfinished / PASSWORD_FILE, password.read_text(encoding="ascii"), account)
    except BaseException:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise
    finally:
        password.unlink()
    unfinished.rename(data)


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
            f"Dump it with the programs of version {found} and restore it, or move it away and start again."
        )


def _write_private(path: Path, text: str, account: Account) -> Path:
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    embedded_account.give(path, account)
    return path


def _initialise(
    folder: Path, password: Path, binaries: Binaries, account: Account, *, alive_fd: int, durable: bool
) -> None:
    with embedded_account.reachable(folder, account) as (path, descriptors):
        command = [
            str(binaries.folder / "initdb"),
            f"--pgdata={path}",
            "--username=postgres",
            f"--pwfile={password}",
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
            f"initdb could not make a database in {folder.parent}: {words[0]}. "
            "Make room there, or set TASKLINE_HOME to another folder, and start again."
        )


def _locale(major: int) -> list[str]:
    # The built-in provider sorts the same on every machine, whatever locales it has; it came with 17.
    if major >= 17:
        return ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    return ["--locale=C.UTF-8"]
