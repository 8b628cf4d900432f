"""One run: migration files, one after the other, on a CRM under load, and when what happened."""

from __future__ import annotations

import asyncio
import re
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench.crms import APP
from migrations.rehearsal.load import Sample, load

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from bench.crms import Crm

CONNECTIONS = 6

# What the open transaction has done: it wrote a row of a lead's history, and locks every table that a migration touches
# as a writer does. It is the row of a call, of which no statement of the load takes notice.
_HOLD = """
BEGIN;
UPDATE lead_interactions SET outcome = outcome
 WHERE id = (SELECT id FROM lead_interactions WHERE interaction_type = 'call' AND organization_id IS NOT NULL LIMIT 1);
UPDATE interaction_events SET id = id WHERE false;
UPDATE leads SET id = id WHERE false;
UPDATE contacts SET id = id WHERE false;
UPDATE accounts SET id = id WHERE false;
\\echo held
"""
_MARK = "@@ "
_STEP = re.compile(r"^-- == (.+) ==$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Step:
    """One file to run, and what to call that."""

    name: str
    file: Path

    @property
    def text(self) -> str:
        """What psql is given."""
        return self.file.read_text(encoding="utf-8")


@dataclass(frozen=True, slots=True)
class Window:
    """When one step ran, in seconds since the load's start; `released_s` is when the open transaction ended, if any."""

    step: str
    started_s: float
    ended_s: float
    released_s: float | None
    is_success: bool
    said: str
    marks: list[tuple[float, str]]
    """When each part of the file began."""


@dataclass(frozen=True, slots=True)
class Run:
    """What one style did in one situation. Until `quiet_s` nothing but the load ran."""

    style: str
    is_held: bool
    quiet_s: float
    windows: list[Window]
    samples: list[Sample]


async def run(
    style: str, crm: Crm, steps: list[Step], *, rate_per_s: float, hold_s: float | None, quiet_s: float
) -> Run:
    """Run the steps under load, with `quiet_s` before the first and half of that after each.

    With `hold_s` each step meets a transaction that stays open for so many seconds more.
    """
    windows: list[Window] = []
    async with load(
        crm.app_url,
        connections=CONNECTIONS,
        rate_per_s=rate_per_s,
        organization_id=crm.largest_organization(),
    ) as samples:
        zero = time.perf_counter()
        await asyncio.sleep(quiet_s)
        for step in steps:
            windows.append(await _window(crm, step, zero, hold_s))
            await asyncio.sleep(quiet_s / 2)
    return Run(style, hold_s is not None, quiet_s, windows, sorted(samples, key=lambda sample: sample.started_s))


async def _window(crm: Crm, step: Step, zero: float, hold_s: float | None) -> Window:
    marked = _STEP.sub(rf"\\echo {_MARK}\1", step.text)
    async with _transaction(crm, hold_s) as released:
        started = time.perf_counter()
        code, said, marks = await _psql(crm, marked, zero)
        ended = time.perf_counter()
    released_s = (await released) - zero if released else None
    return Window(step.name, started - zero, ended - zero, released_s, code == 0, said, marks)


@asynccontextmanager
async def _transaction(crm: Crm, hold_s: float | None) -> AsyncIterator[asyncio.Task[float] | None]:
    """Hold a transaction open for `hold_s`, and yield the instant of its end; nothing without `hold_s`."""
    if hold_s is None:
        yield None
        return
    process = await asyncio.create_subprocess_exec(
        *_command(crm, crm.owner_url), stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdin  # noqa: S101 - asked for above
    assert process.stdout  # noqa: S101
    process.stdin.write(_HOLD.encode())
    await process.stdin.drain()
    await process.stdout.readline()

    async def end() -> float:
        await asyncio.sleep(hold_s)
        ended = time.perf_counter()
        await process.communicate(b"COMMIT;\n")
        return ended

    released = asyncio.create_task(end())
    yield released
    await released


async def _psql(crm: Crm, sql: str, zero: float) -> tuple[int, str, list[tuple[float, str]]]:
    """Run SQL as `psql -f` does; return psql's exit code, what it said, and when it came to each mark."""
    url = f"{crm.owner_url}&options=-c%20taskline.api_role%3D{APP}"
    process = await asyncio.create_subprocess_exec(
        *_command(crm, url),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    assert process.stdin  # noqa: S101 - asked for above
    assert process.stdout  # noqa: S101
    process.stdin.write(sql.encode())
    process.stdin.write_eof()
    marks, said = [], []
    async for line in process.stdout:
        text = line.decode().rstrip("\n")
        if text.startswith(_MARK):
            marks.append((time.perf_counter() - zero, text.removeprefix(_MARK)))
        else:
            said.append(text)
    return await process.wait(), "\n".join(said), marks


def _command(crm: Crm, url: str) -> list[str]:
    return [str(crm.server.bin_dir / "psql"), "-XqAt", "-d", url]
