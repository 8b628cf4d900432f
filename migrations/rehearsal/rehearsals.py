"""A rehearsal: a copy of a database is made, migrated while an application works there, and dropped."""

from __future__ import annotations

import shutil
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from errors import RehearsalFailed
from migrations.rehearsal import copies, dumps, origins
from migrations.rehearsal.origins import Origin, Role
from migrations.rehearsal.performances import Performance, Scenario, perform, unheard
from migrations.rehearsal.programs import Programs
from migrations.rehearsal.relay import relayed

if TYPE_CHECKING:
    from pathlib import Path

    from migrations.rehearsal.dumps import Dump
    from migrations.rehearsal.performances import Step
    from migrations.runner.sessions import Say

# The dump, the copy with its indexes and its log, and what the migration adds; the dump alone if the copy is elsewhere.
ROOM, ROOM_FOR_DUMP = 2.5, 1.0


@dataclass(frozen=True, slots=True)
class Source:
    """What to copy: a database, which is only read, or a dump; if both are given, the database tells of the roles."""

    url: str | None
    dump: Path | None = None


@dataclass(frozen=True, slots=True)
class Stage:
    """Where to rehearse."""

    server_url: str
    """A superuser's."""
    is_ours: bool
    """Nobody else uses the server, and it goes afterwards."""
    programs: Path
    workshop: Path
    """An empty folder that nobody else may read."""


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What was found. The figures are those of this machine and this moment."""

    origin: Origin
    copy_version: str
    strangers: tuple[str, ...]
    dump_s: float | None
    """None if the dump was there already."""
    restore_s: float
    performance: Performance
    leftovers: list[str]
    """The databases that killed rehearsals left on that server."""


async def rehearse(source: Source, scenario: Scenario, stage: Stage, step: Step, say: Say) -> Rehearsal:
    """Copy the database, migrate the copy under load, drop it, and return what was seen.

    What killed rehearsals left on the server goes to `say` first, with the remedy: to drop it is for a person.

    A migration that refuses is a finding too, not an error. Raises RehearsalFailed if it can't be done, and as
    `apply.up` does if the database can't be reached.
    """
    programs = Programs(stage.programs)
    leftovers = [] if stage.is_ours else await copies.leftovers(stage.server_url)
    for name in leftovers:
        say(f"⚠️ A rehearsal that was killed left its copy on that server. Nobody uses it: DROP DATABASE {name};")
    with step("Looked at what is to be copied"):
        given = await dumps.opened(programs, source.dump) if source.dump else None
        origin = await _origin(source, scenario, programs, given)
        _check_room(origin, stage)
    url = await copies.left_to_others(stage.server_url) if stage.is_ours else stage.server_url
    async with copies.copy(url, origin) as copy:
        started = time.monotonic()
        if given is None:
            with step("Dumped the database, only reading it"):
                given = await _dumped(source, origin, programs, stage)
        dumped = time.monotonic()
        with step(f"Restored it on PostgreSQL {copy.version}"):
            async with relayed(copy.url) as to:
                await dumps.restore(programs, given, to, stage.workshop, major=copy.major)
        restored = time.monotonic()
        performance = await perform(scenario, origin, copy, step)
    dump_s = None if source.dump else dumped - started
    return Rehearsal(origin, copy.version, copy.strangers, dump_s, restored - dumped, performance, leftovers)


async def _origin(source: Source, scenario: Scenario, programs: Programs, given: Dump | None) -> Origin:
    """Return what the database says of itself; of a dump alone it is known who is named there, and nothing of them."""
    if source.url:
        return await origins.read(source.url, scenario.api_role, unheard)
    if given is None:
        raise RehearsalFailed("Neither a database nor a dump was given.")
    names = await dumps.roles_named(programs, given)
    if scenario.api_role:
        names.add(scenario.api_role)
    roles = tuple(Role(name) for name in sorted(names))
    return Origin("", 0, given.path.name, dumps.size_bytes(given), "UTF8", None, None, roles)


def _check_room(origin: Origin, stage: Stage) -> None:
    room = ROOM if stage.is_ours else ROOM_FOR_DUMP
    free, needed = shutil.disk_usage(stage.workshop).free, round(origin.size_bytes * room)
    if free < needed:
        raise RehearsalFailed(
            f"The copy needs about {_megabytes(needed)} in {stage.workshop.parent}, and {_megabytes(free)} are free "
            "there. Set TMPDIR to a folder on a larger disk, or use --server URL."
        )


def _megabytes(count: int) -> str:
    return f"{count // 1_000_000:,} MB"


async def _dumped(source: Source, origin: Origin, programs: Programs, stage: Stage) -> Dump:
    if source.url is None:
        raise RehearsalFailed("Neither a database nor a dump was given.")
    async with relayed(source.url) as to:
        return await dumps.make(programs, to, stage.workshop / "target.dump", as_role=origin.user_name)
