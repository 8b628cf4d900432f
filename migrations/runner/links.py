"""The links that 041's rollback would lose: written to a file first, and counted where they are set aside."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from errors import MigrationExportFailed

if TYPE_CHECKING:
    import asyncpg

LINKS_AT_RISK = Path(__file__).parent.parent / "links_at_risk.sql"
_IS_IN_PLACE = """
SELECT to_regclass('taskline_saved_ddl') IS NOT NULL
   AND 2 = (SELECT count(*) FROM pg_attribute WHERE attrelid = to_regclass('lead_interactions')
               AND attname IN ('contact_id', 'account_id') AND NOT attisdropped)
"""
_SET_ASIDE = """
SELECT c.oid::regclass::text FROM pg_class c JOIN pg_class li ON li.relnamespace = c.relnamespace
 WHERE li.oid = to_regclass('lead_interactions') AND c.relkind = 'r' AND c.relname LIKE '%\\_rolled\\_back\\_041'
 ORDER BY 1
"""


@dataclass(frozen=True, slots=True)
class Export:
    """A file of links, and how many of them it holds."""

    file: str
    links: int


async def export(connection: asyncpg.Connection, path: Path) -> Export:
    """Write every link that the rollback would lose to a new CSV file of its owner's alone, whole or not at all.

    One statement, so one snapshot; rows come as they are found and aren't kept in memory. Where 041 isn't in place no
    link can be lost, and the file is empty. Raises MigrationExportFailed if it is there already, or can't be written.
    """
    unfinished = path.with_name(f".{path.name}.{uuid4().hex}")
    try:
        _refuse_existing(path)  # before the work; the last word is _publish's
        links = await _write(connection, unfinished)
        _publish(unfinished, path)
    except FileExistsError:
        raise MigrationExportFailed(
            f"--export {path}: there is such a file already. Choose another name, or move it away. Nothing was changed."
        ) from None
    except OSError as exc:
        raise MigrationExportFailed(f"--export {path}: {exc.strerror or exc}. Nothing was changed.") from exc
    finally:
        with contextlib.suppress(OSError):
            unfinished.unlink()
    return Export(str(path), links)


async def set_aside(connection: asyncpg.Connection) -> dict[str, int]:
    """Return `{table: rows}` for the tables in which rollbacks set rows aside; empty if there are none."""
    tables = [row[0] for row in await connection.fetch(_SET_ASIDE)]
    return {table: await connection.fetchval(f"SELECT count(*) FROM {table}") for table in tables}  # noqa: S608 - quoted by the server


async def _write(connection: asyncpg.Connection, path: Path) -> int:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        links = 0
        if await connection.fetchval(_IS_IN_PLACE):
            await connection.execute("SET row_security = off")  # an error rather than links that are silently left out
            query = LINKS_AT_RISK.read_text(encoding="utf-8")
            said = await connection.copy_from_query(query, output=file, format="csv", header=True)
            links = int(said.removeprefix("COPY "))
        file.flush()
        os.fsync(file.fileno())
    return links


def _refuse_existing(path: Path) -> None:
    if path.exists():
        raise FileExistsError


def _publish(unfinished: Path, path: Path) -> None:
    """Give a finished file its name; unlike a renaming this never takes another file's place. Both are on disk then."""
    os.link(unfinished, path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
