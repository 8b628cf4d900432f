"""Migrates a copy while an application works there, and notes what the application's statements met."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from errors import MigrationRefused, MigrationServerUnreachable, RehearsalFailed, TasklineError
from migrations.rehearsal import copies, origins
from migrations.rehearsal.load import load
from migrations.rehearsal.stalls import Span, Waits, Watch, during, longest_by_slot, within
from migrations.runner import apply, files
from migrations.runner.catalogue import fingerprint
from migrations.runner.pending import BASELINE
from migrations.runner.sessions import session

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator
    from contextlib import AbstractContextManager
    from uuid import UUID

    from migrations.rehearsal.copies import Copy
    from migrations.rehearsal.load import Sample
    from migrations.rehearsal.origins import Origin
    from migrations.runner.apply import Run
    from migrations.runner.files import MigrationFile

    Step = Callable[[str], AbstractContextManager[None]]

# The first statements of each connection, which must sign in before, say nothing about the others.
WARM_UP_S = 0.5
# Whoever takes migrations back gives a command for each. Two that drop columns within the same tenth of a second catch
# statements that are just being prepared anew, and no operator is so quick.
BETWEEN_ROLLBACKS_S = 1
SLOTS = 60

_OWNER = "SELECT pg_get_userbyid(relowner) FROM pg_class WHERE relname = 'lead_interactions' AND relkind = 'r' LIMIT 1"
_HAS_TENANT = """
SELECT count(*) = 1 FROM pg_attribute
 WHERE attrelid = to_regclass('lead_interactions') AND attname = 'organization_id' AND atttypid = 'uuid'::regtype
"""
_TENANT = """
SELECT organization_id FROM lead_interactions WHERE organization_id IS NOT NULL
 GROUP BY organization_id ORDER BY count(*) DESC LIMIT 1
"""


@dataclass(frozen=True, slots=True)
class Scenario:
    """What to perform, and before which audience: statements a second on each of some connections."""

    api_role: str | None = None
    through: int | None = None
    with_rollback: bool = False
    quiet_s: float = 5
    connections: int = 6
    rate_per_s: float = 20


@dataclass(frozen=True, slots=True)
class Act:
    """One file, and what the application's statements met meanwhile: in all of it, and in each of its steps."""

    file: str
    duration_ms: float
    waits: Waits
    steps: tuple[tuple[Span, Waits], ...]


@dataclass(frozen=True, slots=True)
class Performance:
    """What was seen."""

    actor: str
    """The role that migrated."""
    application: str
    """The role of the application's statements."""
    quiet: Waits
    """Before the migration."""
    whole: Waits
    """While a file ran, forward or back."""
    acts: tuple[Act, ...]
    back: tuple[Act, ...]
    """The rollback's."""
    is_restored: bool | None
    """Whether the rollback left the schema as it had been; None if none was run to its end."""
    latencies_ms: tuple[float, ...]
    """The longest wait in each of equal parts of the time from the first act to the last."""
    said: tuple[str, ...]
    """The runner's words, with the migrations' reports."""
    refusal: TasklineError | None
    """Why a file didn't come to its end."""


@dataclass(slots=True)
class _Scene:
    """The copy with everybody's address."""

    actor: str
    application: str
    actor_url: str
    application_url: str
    tenant: UUID | None
    fingerprint: str


@dataclass(slots=True)
class _Record:
    """What is noted while it is played; statements are complete only afterwards."""

    forward: Watch
    back: list[tuple[str, Watch]] = field(default_factory=list)
    quiet_until_s: float = 0
    refusal: TasklineError | None = None


async def perform(scenario: Scenario, origin: Origin, copy: Copy, step: Step) -> Performance:
    """Play it on a copy that has been restored. Raises RehearsalFailed if there is nothing to play on."""
    with step("Gathered its statistics"):
        scene = await _scene(scenario, origin, copy)
    # Read before anything is measured: reading takes time, too.
    ways_back = [files.rollback_of(file.version) for file in files.forward(scenario.through) if file.version > BASELINE]
    try:
        async with load(
            scene.application_url,
            connections=scenario.connections,
            rate_per_s=scenario.rate_per_s,
            organization_id=scene.tenant,
        ) as samples:
            record = await _play(scenario, scene, ways_back if scenario.with_rollback else [], step)
    except MigrationRefused as exc:  # what a file refuses is in the record: this is the load's
        raise RehearsalFailed(f"An application's statements can't be imitated there: {exc}") from exc
    return await _seen(scene, record, samples)


async def _scene(scenario: Scenario, origin: Origin, copy: Copy) -> _Scene:
    async with session(copy.url, unheard) as connection:
        await connection.execute("VACUUM (ANALYZE)")
        actor = origin.user_name or await connection.fetchval(_OWNER)
        if actor is None:
            raise RehearsalFailed(f"{origin.name} has no table lead_interactions. Check the database's name.")
        if origin.owner is None:
            await copies.give(connection, copy, actor)
        actor_url = copy.url_of(actor, await copies.settings_of(connection, origin, actor))
    async with session(actor_url, unheard) as connection:
        application = await origins.application_role(connection, scenario.api_role or apply.API_ROLE)
        if application is None:
            raise RehearsalFailed(
                f"{origin.name} has no table lead_interactions on {actor}'s search path. Check the database's name."
            )
        settings = await copies.settings_of(connection, origin, application)
        tenant = await connection.fetchval(_TENANT) if await connection.fetchval(_HAS_TENANT) else None
        before = await fingerprint(connection)
    return _Scene(actor, application, actor_url, copy.url_of(application, settings), tenant, before)


async def _play(scenario: Scenario, scene: _Scene, ways_back: list[MigrationFile], step: Step) -> _Record:
    started = time.perf_counter()

    def now_s() -> float:
        return time.perf_counter() - started

    record = _Record(Watch(now_s))
    with step("Measured the application without a migration"):
        await asyncio.sleep(WARM_UP_S + scenario.quiet_s)
        record.quiet_until_s = now_s()
    with step("Ran the migrations while the application worked"):
        forward = apply.up(
            scene.actor_url, api_role=scenario.api_role, through=scenario.through, say=record.forward.say
        )
        is_done = await _is_done(forward, record.forward, record)
    if is_done and ways_back:
        with step("Took them back while the application worked"):
            await _take_back(scene, ways_back, record)
    return record


async def _take_back(scene: _Scene, ways_back: list[MigrationFile], record: _Record) -> None:
    for n, file in enumerate(reversed(ways_back)):
        await asyncio.sleep(BETWEEN_ROLLBACKS_S if n else 0)
        watch = Watch(record.forward.now_s)
        record.back.append((file.name, watch))
        if not await _is_done(apply.rollback(scene.actor_url, file.version, say=watch.say), watch, record):
            return


async def _is_done(run: Coroutine[None, None, Run], watch: Watch, record: _Record) -> bool:
    """Wait for the end of a run; keep what it refused.

    In a thread: to read the files takes Python half a second, and on this loop the application would seem to wait so
    long. When we are stopped the copy is dropped, and the thread ends with its connection.
    """
    try:
        await asyncio.to_thread(asyncio.run, run)
    except MigrationServerUnreachable as exc:
        raise RehearsalFailed(f"The copy was lost. {exc}") from exc
    except TasklineError as exc:
        record.refusal = exc
    finally:
        watch.end()
    return record.refusal is None


async def _seen(scene: _Scene, record: _Record, samples: list[Sample]) -> Performance:
    until_s = record.quiet_until_s
    before = [one for one in samples if one.started_s + one.duration_ms / 1_000 <= until_s]
    back = [_act(name, watch.spans, samples) for name, watch in record.back if watch.spans]
    is_restored = None
    if back and record.refusal is None:
        async with session(scene.actor_url, unheard) as connection:
            is_restored = scene.fingerprint == await fingerprint(connection)
    spans = [span for watch in (record.forward, *(watch for _, watch in record.back)) for span in watch.spans]
    times = [span.time for span in spans]
    met = within(samples, *times)  # without the moments in which the runner reads its files
    return Performance(
        actor=scene.actor,
        application=scene.application,
        quiet=during(before, (WARM_UP_S, until_s)),
        whole=during(met, *times),
        acts=tuple(_forward(record.forward.spans, samples)),
        back=tuple(back),
        is_restored=is_restored,
        latencies_ms=tuple(longest_by_slot(met, times[0][0], times[-1][1], SLOTS) if times else ()),
        said=tuple(record.forward.said + [line for _, watch in record.back for line in watch.said]),
        refusal=record.refusal,
    )


def _forward(spans: list[Span], samples: list[Sample]) -> Iterator[Act]:
    for file in files.forward():
        if own := [span for span in spans if span.version == file.version]:
            yield _act(file.name, own, samples)


def _act(file: str, spans: list[Span], samples: list[Sample]) -> Act:
    started_s, ended_s = spans[0].started_s, spans[-1].ended_s
    steps = tuple((span, during(samples, span.time)) for span in spans)
    return Act(file, (ended_s - started_s) * 1_000, during(samples, (started_s, ended_s)), steps)


def unheard(_: str) -> None:
    """Hear the server's notices, and keep none."""
