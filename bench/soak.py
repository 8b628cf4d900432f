"""`python -m bench.soak`: attacks from ten connections, and what others notice of them."""

from __future__ import annotations

import asyncio
import secrets
import statistics
import time
from collections import defaultdict
from dataclasses import dataclass, field
from itertools import count, cycle, islice
from pathlib import Path
from typing import TYPE_CHECKING

import click
import httpx2
import jwt
import orjson

from bench.attacks import ATTACKS
from bench.contest.contestants import CONTESTANTS, Setting, running
from bench.contest.data import ORGANIZATION, PERSON, Sizes, database, key
from bench.contest.usage import memory_bytes
from bench.crms import ROOM, copy
from db import embedded

if TYPE_CHECKING:
    from collections.abc import Iterator
    from uuid import UUID

    from bench.attacks import Attack
    from bench.contest.contestants import Running

ATTACKERS = 10
READS_PER_S = 10
LONGEST_ANSWER_MS = 2_000
LONGEST_READ_MS = 250  # the 99th percentile
MOST_GROWTH_BYTES = 64 << 20
DEADLINE_S = 30
READ = "query One($id: ID!) { task(id: $id) { id subject contact { id displayName } } }"


@dataclass(slots=True)
class Found:
    """What was seen: waits in ms of each attack and of the reads beside them, statuses, and the server's memory."""

    attacks: defaultdict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    statuses: defaultdict[str, set[int]] = field(default_factory=lambda: defaultdict(set))
    reads: list[float] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)
    """What was answered to reads that failed."""
    memory: list[int] = field(default_factory=list)

    def misses(self) -> list[str]:
        """Return the promises that were not kept."""
        longest = max(max(waits) for waits in self.attacks.values())
        p99 = percentile(self.reads, 99)
        growth = max(self.memory) - self.memory[0]
        failed = sorted({status for seen in self.statuses.values() for status in seen if status >= 500} - {503})
        kept = {
            f"an attack was answered after {longest:,.0f} ms": longest <= LONGEST_ANSWER_MS,
            f"the reads' 99th percentile is {p99:,.0f} ms": p99 <= LONGEST_READ_MS,
            f"{len(self.unread)} reads failed, as with {self.unread[:1]}": not self.unread,
            f"the server grew by {growth / 2**20:,.0f} MB": growth <= MOST_GROWTH_BYTES,
            f"attacks were answered with {failed}": not failed,
        }
        return [words for words, is_kept in kept.items() if not is_kept]


@click.command()
@click.option("--home", type=click.Path(path_type=Path), required=True, help="Folder for the server; it is kept.")
@click.option("--minutes", default=60.0, show_default=True, help="How long the attacks last.")
@click.option("--rows", default=20_000, show_default=True, help="How many interactions there are.")
@click.option("--output", type=click.Path(path_type=Path), help="File for everything measured, as JSON.")
def main(*, home: Path, minutes: float, rows: int, output: Path | None) -> None:
    """Attack a server for so long, print what came of it, and end with 1 when a promise was not kept."""
    secret = secrets.token_urlsafe(32)
    attacker, reader = (token(person, secret, minutes) for person in (PERSON, key("user", 1)))
    home.mkdir(parents=True, exist_ok=True)
    with (
        embedded.start(home, settings=ROOM) as server,
        copy(database(server, Sizes(rows))) as crm,
        running(CONTESTANTS[0], Setting(crm, home, attacker, secret)) as taskline,
    ):
        found = asyncio.run(_soak(taskline, attacker, reader, minutes * 60))
    _show(found)
    if output:
        output.write_bytes(orjson.dumps({"attacks": found.attacks, "reads": found.reads, "memory": found.memory}))
    if misses := found.misses():
        raise click.ClickException("; ".join(misses))


async def _soak(taskline: Running, attacker: str, reader: str, seconds: float) -> Found:
    found, base = Found(), f"http://127.0.0.1:{taskline.port}"
    async with _client(base, attacker) as client, _client(base, reader) as other:
        numbers = count()
        for attack in ATTACKS:  # once each, so that what is loaded at first use isn't taken for growth
            await _send(client, attack, next(numbers), Found())
        found.memory.append(memory_bytes(taskline.pid))
        ends_at = time.monotonic() + seconds
        attackers = [_attack(client, found, cycle(_shifted(n)), numbers, ends_at) for n in range(ATTACKERS)]
        await asyncio.gather(*attackers, _read(other, found, ends_at), _watch(taskline.pid, found, ends_at))
    return found


def token(person: UUID, secret: str, minutes: float) -> str:
    """Return what somebody signs in with for so long, and an hour more."""
    claims = {"sub": str(person), "organization_id": str(ORGANIZATION), "role": "admin", "aud": "taskline"}
    return jwt.encode(claims | {"exp": int(time.time() + minutes * 60 + 3_600)}, secret, algorithm="HS256")


def _client(base: str, token: str) -> httpx2.AsyncClient:
    headers = {"Authorization": f"Bearer {token}"}
    return httpx2.AsyncClient(
        base_url=base, headers=headers, timeout=DEADLINE_S, limits=httpx2.Limits(max_connections=50)
    )


def _shifted(by: int) -> list[Attack]:
    """Begin each attacker elsewhere, so that all kinds are under way at once."""
    start = by * len(ATTACKS) // ATTACKERS
    return [*ATTACKS[start:], *ATTACKS[:start]]


async def _attack(
    client: httpx2.AsyncClient, found: Found, attacks: Iterator[Attack], numbers: Iterator[int], ends_at: float
) -> None:
    for attack in attacks:
        if time.monotonic() > ends_at:
            return
        await _send(client, attack, next(numbers), found)


async def _send(client: httpx2.AsyncClient, attack: Attack, number: int, found: Found) -> None:
    began = time.perf_counter()
    answer = await client.post(attack.path, content=attack.body(number), headers=dict(attack.headers))
    found.attacks[attack.name].append((time.perf_counter() - began) * 1_000)
    found.statuses[attack.name].add(answer.status_code)


async def _read(client: httpx2.AsyncClient, found: Found, ends_at: float) -> None:
    """Read a task ten times a second, whether or not the last answer has come."""
    async with asyncio.TaskGroup() as reads:
        for number in islice(count(), None):
            if time.monotonic() > ends_at:
                return
            reads.create_task(_read_one(client, found, number))
            await asyncio.sleep(1 / READS_PER_S)


async def _read_one(client: httpx2.AsyncClient, found: Found, number: int) -> None:
    began = time.perf_counter()
    body = {"query": READ, "variables": {"id": str(key("interaction", number % 500 * 10 + 1))}}
    answer = await client.post("/graphql", json=body)
    found.reads.append((time.perf_counter() - began) * 1_000)
    if answer.status_code != 200 or not answer.json().get("data", {}).get("task"):
        found.unread.append(answer.text[:200])


async def _watch(pid: int, found: Found, ends_at: float) -> None:
    """Note the server's memory each second, and say each minute how far it is."""
    for second in count(1):
        if time.monotonic() > ends_at:
            return
        await asyncio.sleep(1)
        found.memory.append(await asyncio.to_thread(memory_bytes, pid))
        if second % 60 == 0:
            sent = sum(len(waits) for waits in found.attacks.values())
            click.echo(f"{second // 60} min: {sent:,} attacks, {found.memory[-1] / 2**20:,.0f} MB", err=True)


def percentile(values: list[float], percent: int) -> float:
    """Return a percentile of at least two values."""
    return statistics.quantiles(values, n=100, method="inclusive")[percent - 1]


def _show(found: Found) -> None:
    click.echo("| request | times | p50 ms | longest ms | status |\n|---|--:|--:|--:|---|")
    for name, waits in sorted(found.attacks.items(), key=lambda item: -max(item[1])):
        seen = ", ".join(map(str, sorted(found.statuses[name])))
        click.echo(f"| {name} | {len(waits):,} | {statistics.median(waits):,.0f} | {max(waits):,.0f} | {seen} |")
    p50, p99, longest = (percentile(found.reads, 50), percentile(found.reads, 99), max(found.reads))
    click.echo(f"| one task, beside them | {len(found.reads):,} | {p50:,.0f} | p99 {p99:,.0f}, {longest:,.0f} | 200 |")
    first, most, last = (round(size / 2**20) for size in (found.memory[0], max(found.memory), found.memory[-1]))
    click.echo(f"\nMemory: {first} MB after the first of each, at most {most}, {last} at the end.")


if __name__ == "__main__":
    main()
