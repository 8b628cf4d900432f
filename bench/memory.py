"""`python -m bench.memory`: what becomes of the server's memory under load."""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import dataclass, field
from itertools import count, cycle
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bench.contest.agreement import opened
from bench.contest.contestants import CONTESTANTS, Setting, running
from bench.contest.data import PERSON, Sizes, database
from bench.contest.documents import documents
from bench.contest.load import load
from bench.contest.usage import memory_bytes
from bench.crms import ROOM, copy
from bench.soak import token
from db import embedded

if TYPE_CHECKING:
    from bench.contest.contestants import Running
    from bench.contest.documents import Document

CONNECTIONS = 32


@dataclass(slots=True)
class Found:
    """Requests that were answered and that were refused, and the memory after each time round, in bytes."""

    answered: int = 0
    refused: int = 0
    memory: list[int] = field(default_factory=list)


@click.command()
@click.option("--home", type=click.Path(path_type=Path), required=True, help="Folder for the server; it is kept.")
@click.option("--minutes", default=60.0, show_default=True, help="How long the load lasts.")
@click.option("--turn-s", default=10.0, show_default=True, help="How long each document is asked before the next.")
@click.option("--rows", default=20_000, show_default=True, help="How many interactions there are.")
def main(*, home: Path, minutes: float, turn_s: float, rows: int) -> None:
    """Ask all documents of the contest in turn, 32 at a time, and print the memory after each time round."""
    secret, sizes = secrets.token_urlsafe(32), Sizes(rows)
    home.mkdir(parents=True, exist_ok=True)
    with (
        embedded.start(home, settings=ROOM) as server,
        copy(database(server, sizes)) as crm,
        running(CONTESTANTS[0], Setting(crm, home, token(PERSON, secret, minutes), secret)) as taskline,
    ):
        found = asyncio.run(_load(taskline, documents(sizes), minutes * 60, turn_s))
    first, *_, last = found.memory
    click.echo(
        f"{found.answered:,} answers, {found.refused:,} refusals. Memory: {_mb(first)} MB after the first time round, "
        f"at most {_mb(max(found.memory))}, {_mb(last)} at the end."
    )


async def _load(taskline: Running, every: list[Document], seconds: float, turn_s: float) -> Found:
    found, numbers = Found(), count()
    asked = [await opened(taskline, document) for document in every]
    ends_at = asyncio.get_running_loop().time() + seconds
    for document in cycle(asked):
        requests = (taskline.request(document, number) for number in numbers)
        seen = await load(taskline.port, requests, connections=CONNECTIONS, seconds=turn_s)
        found.answered += len(seen.latencies_ms)
        found.refused += len(seen.refused_ms)
        if document is asked[-1]:
            found.memory.append(memory_bytes(taskline.pid))
            click.echo(f"{found.answered:,} answers, {_mb(found.memory[-1])} MB", err=True)
            if asyncio.get_running_loop().time() > ends_at and len(found.memory) > 1:
                break
    return found


def _mb(size: int) -> int:
    return round(size / 2**20)


if __name__ == "__main__":
    main()
