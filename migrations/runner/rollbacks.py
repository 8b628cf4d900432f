"""Takes a migration back; of 041 also the links that would be lost are looked after."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from errors import MigrationRefused
from migrations.runner import apply, links

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence
    from pathlib import Path

    import asyncpg

    from migrations.runner.links import Export
    from migrations.runner.sessions import Say

LINKS = apply.LINKS


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be taken back, and what becomes of links that would be lost: a refusal, if nothing is said."""

    version: int
    export: Path | None = None
    """Where to write them first; by itself this doesn't lift the refusal."""
    discard_links: int | None = None
    """Set them aside in the database if they are exactly this many."""
    switches: Collection[str] = ()


@dataclass(frozen=True, slots=True)
class Rollback:
    """What was done: the run, the file that was written, and `{table: rows}` of all that is set aside afterwards."""

    run: apply.Run
    export: Export | None
    set_aside: dict[str, int]


async def run(url: str, wish: Wish, say: Say) -> Rollback:
    """Take back what is wished. Raises as `apply.up` does, and MigrationExportFailed; nothing was changed then."""
    written: list[Export] = []
    set_aside: dict[str, int] = {}

    async def look_after_links(connection: asyncpg.Connection) -> None:
        if wish.export:
            written.append(await links.export(connection, wish.export))
            say(f"{written[0].links} {'link' if written[0].links == 1 else 'links'} written to {wish.export}")
        if wish.discard_links is not None:
            await connection.execute("SELECT set_config('taskline.discard_links', $1, false)", str(wish.discard_links))

    async def count(connection: asyncpg.Connection) -> None:
        set_aside.update(await links.set_aside(connection))

    with _telling_of(written):
        done = await apply.rollback(
            url, wish.version, switches=wish.switches, before=look_after_links, after=count, say=say
        )
    return Rollback(done, next(iter(written), None), set_aside)


@contextlib.contextmanager
def _telling_of(written: Sequence[Export]) -> Iterator[None]:
    """Let a refusal say that a file was written before it, whose name is taken now."""
    try:
        yield
    except MigrationRefused as refused:
        if not written:
            raise
        raise MigrationRefused(
            f"{refused}\n{written[0].file} is written and stays: the next command needs no --export, or another name."
        ) from refused
