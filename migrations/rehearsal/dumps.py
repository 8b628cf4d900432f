"""Dumps: made of a database that goes on working, looked into, restored into an empty one."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

from errors import RehearsalFailed

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from migrations.rehearsal.programs import Done, Programs

LOCK_WAIT_MS = 30_000
# What would reach out of the copy, or what a migration has nothing to do with.
LEFT_OUT = ("--no-publications", "--no-subscriptions", "--no-security-labels", "--no-tablespaces")
_IS_NEWER = re.compile('unrecognized configuration parameter "transaction_timeout"')
# In a plain dump it stands among the first lines, where it changes nothing: it is off anyway.
_NEWER_SETTING = re.compile(rb"^SET transaction_timeout = 0;\r?\n", re.MULTILINE)
_FIRST_LINES_BYTES = 4_096
_SIGN_IN_ELSEWHERE = re.compile(r" USER MAPPING ")
_FORGET_SIGN_INS = """
DO $$
DECLARE
  statement text;
BEGIN
  FOR statement IN SELECT format('DROP USER MAPPING FOR %s SERVER %I',
                                 CASE umuser WHEN 0 THEN 'PUBLIC' ELSE quote_ident(usename) END, srvname)
                     FROM pg_user_mappings LOOP
    EXECUTE statement;
  END LOOP;
END $$
"""

_NAME = r'(?:"(?:[^"]|"")+"|[a-z_][a-z0-9_$]*)'
_NAMES = rf"(?P<names>{_NAME}(?:, {_NAME})*)"
# pg_dump writes each of these at the beginning of a line, in these words.
_NAMING = [
    re.compile(pattern)
    for pattern in (
        rf"^ALTER .* OWNER TO {_NAMES};$",
        rf"^GRANT .* TO {_NAMES}(?: WITH GRANT OPTION)?;$",
        rf"^REVOKE .* FROM {_NAMES};$",
        rf"^ALTER DEFAULT PRIVILEGES FOR ROLE {_NAMES} ",
        rf"^CREATE POLICY .*? TO {_NAMES}(?: USING| WITH CHECK|;)",
        rf"^SET SESSION AUTHORIZATION {_NAMES};$",
    )
]
_ELSEWHERE = re.compile(r"^(?:\\connect |CREATE DATABASE )")


@dataclass(frozen=True, slots=True)
class Dump:
    """A dump as a file or folder; a plain one is SQL for psql, any other one is for pg_restore."""

    path: Path
    is_plain: bool


async def make(programs: Programs, to: Mapping[str, str], path: Path, *, as_role: str | None) -> Dump:
    """Dump a whole database as of one moment. Raises RehearsalFailed with the program's words.

    It takes ACCESS SHARE on each table until it ends: readers and writers don't notice, DDL there waits. Rows aren't
    compressed: the file lives for minutes, and compressing takes longer than writing.
    """
    options = ["--format=custom", "--compress=0", f"--file={path}", f"--lock-wait-timeout={LOCK_WAIT_MS}", "--no-sync"]
    role = [f"--role={as_role}"] if as_role else []
    done = await programs.run("pg_dump", *options, *role, *LEFT_OUT, "--no-large-objects", to=to)
    if done.code:
        raise RehearsalFailed(_why_not_dumped(done))
    return Dump(path, is_plain=False)


def _why_not_dumped(done: Done) -> str:
    words = _words(done)
    if re.search("permission denied|row-level security|must be owner", words):
        return (
            f"The user may not read all that a dump holds: {words}. "
            "Name the owner of the tables in the address, or give a dump that an administrator made: --dump FILE."
        )
    if "statement timeout" in words:  # which pg_dump sets for the time in which it waits for locks
        return (
            f"Somebody kept a table locked for {LOCK_WAIT_MS / 1_000:g} s. Choose another moment, "
            "or give a dump that is there already: --dump FILE."
        )
    return f"The database can't be dumped: {words}."


async def opened(programs: Programs, path: Path) -> Dump:
    """Return a dump that is there already. Raises RehearsalFailed if it isn't one, or makes databases of its own."""
    done = await programs.run("pg_restore", "--list", str(path))
    if not done.code:
        return Dump(path, is_plain=False)
    if "text format dump" not in done.errors:
        raise RehearsalFailed(
            f"{path} isn't a dump that pg_restore or psql can read: {_words(done)}. Make one with pg_dump -Fc."
        )
    if any(_ELSEWHERE.match(line) for line in _lines(path)):
        raise RehearsalFailed(
            f"{path} makes or enters databases of its own. Make one with pg_dump -Fc, of one database."
        )
    return Dump(path, is_plain=True)


def size_bytes(dump: Dump) -> int:
    """Return how much room a dump takes on the disk."""
    if dump.path.is_dir():
        return sum(file.stat().st_size for file in dump.path.iterdir())
    return dump.path.stat().st_size


async def roles_named(programs: Programs, dump: Dump) -> set[str]:
    """Return the roles that a dump names as owners, in grants and in policies."""
    if dump.is_plain:
        return roles_in(_lines(dump.path))
    done = await programs.run("pg_restore", "--schema-only", "--file=-", str(dump.path))
    return roles_in(done.output.splitlines())


def roles_in(lines: Iterable[str]) -> set[str]:
    """Return the roles that lines written by pg_dump name."""
    found: set[str] = set()
    for line in lines:
        for pattern in _NAMING:
            if match := pattern.match(line):
                found.update(_unquoted(name) for name in re.findall(_NAME, match["names"]))
    return {name for name in found if not name.startswith("pg_")}


async def restore(programs: Programs, dump: Dump, to: Mapping[str, str], workshop: Path, *, major: int) -> None:
    """Restore a dump into the empty database that `to` names, on a server of version `major`.

    Raises RehearsalFailed with the first error.

    Sign-ins at foreign servers are left out, so that no trigger of the copy writes to another real database.
    """
    by = _by_psql if dump.is_plain else _by_pg_restore
    done = await by(programs, dump, to, workshop, major)
    if done.code and (errors := _errors(done)):
        raise RehearsalFailed(_why_not_restored(errors[0]))


async def _by_psql(programs: Programs, dump: Dump, to: Mapping[str, str], workshop: Path, major: int) -> Done:
    first_lines = workshop / "first_lines.sql"
    options = ["-X", "-q", "-v", "ON_ERROR_STOP=1", "-o", os.devnull, "-f", str(first_lines), "-f", "-"]
    with dump.path.open("rb", buffering=0) as rest:
        first_lines.write_bytes(_up_to_newer_setting(rest, major))
        done = await programs.run("psql", *options, to=to, reads=rest)
    if not done.code:
        forgotten = await programs.run("psql", "-X", "-q", "-c", _FORGET_SIGN_INS, to=to)
        if forgotten.code:
            raise RehearsalFailed(
                f"The copy could still sign in at foreign servers, and write there: {_words(forgotten)}. "
                "Make the dump with pg_dump -Fc; of that, sign-ins aren't restored at all."
            )
    return done


def _up_to_newer_setting(file: IO[bytes], major: int) -> bytes:
    """Read a plain dump up to a setting that a server of this version doesn't know, and pass that over; else nothing.

    So the dump needn't be written once more without that line, for it may fill half the disk.
    """
    start = file.read(_FIRST_LINES_BYTES)
    found = _NEWER_SETTING.search(start) if major < 17 else None
    file.seek(found.end() if found else 0)
    return start[: found.start()] if found else b""


async def _by_pg_restore(programs: Programs, dump: Dump, to: Mapping[str, str], workshop: Path, major: int) -> Done:
    listed = await programs.run("pg_restore", "--list", str(dump.path))
    kept = [line for line in listed.output.splitlines() if not _SIGN_IN_ELSEWHERE.search(line)]
    wanted = workshop / "wanted.list"
    wanted.write_text("\n".join(kept), encoding="utf-8")
    jobs = 1 if "Format: TAR" in listed.output else min(4, os.cpu_count() or 1)
    # To an older server it says a setting that is unknown there, which is no reason to stop.
    stop = ["--exit-on-error"] if major >= 17 else []
    options = [f"--dbname={to['PGDATABASE']}", f"--use-list={wanted}", f"--jobs={jobs}", *stop]
    return await programs.run("pg_restore", *options, *LEFT_OUT, str(dump.path), to=to)


def _why_not_restored(words: str) -> str:
    if missing := re.search(r'extension "(.+?)" is not available', words):
        return without_extensions([missing[1]])
    if "No space left" in words:
        return f"The copy's disk is full: {words}. Set TMPDIR to a folder on a larger one, or use --server URL."
    return (
        f"The dump can't be restored: {words}. With --server URL the copy is made on a server of your own, "
        "which can have what is missing here."
    )


def without_extensions(names: Iterable[str]) -> str:
    """Return what to say when the server of the copy lacks extensions."""
    return (
        f"The database uses extensions that the server for the copy doesn't have: {', '.join(sorted(names))}. "
        "With --server URL the copy is made on a server of your own that has them."
    )


def _words(done: Done) -> str:
    """Return a program's first error, without its own name, the file's and the statement's."""
    return next(iter(_errors(done)), "it said nothing")


def _errors(done: Done) -> list[str]:
    """Return the errors, the server's before the program's own; that it was newer than the server is none."""
    found = re.findall(r"(?:ERROR|FATAL|error): +(.+)", done.errors) or done.errors.splitlines()
    stripped = [re.sub(r"^.*?(?:ERROR|FATAL): +", "", words).strip().rstrip(".") for words in found]
    return [words for words in stripped if not _IS_NEWER.search(words)]


def _lines(path: Path) -> Iterable[str]:
    with path.open(encoding="utf-8", errors="replace") as file:
        for line in file:
            yield line.rstrip("\n")


def _unquoted(name: str) -> str:
    return name[1:-1].replace('""', '"') if name.startswith('"') else name
