"""Move tasks from one record to others: after a conversion, a merge or a deletion."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from uuid import UUID

from db import follow_ups, relinks, tasks
from db.records import RecordKind
from db.relinks import Moved, Relink
from errors import ConstraintViolated, Invalid, LinkRequired, Refusal, Refused
from resolvers.idempotency import key_problems, once
from resolvers.task_rules import forbidden, missing_record

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from db.relinks import Obstacles
    from db.sessions import Session
    from resolvers.idempotency import Answer, Intention
    from resolvers.viewers import Viewer

MOST_TASKS = 5_000
MOST_TASKS_OF_LEADS = (
    1_000  # an old trigger reads all open tasks of a lead for each of them: 1,000 take 0.7 s, 2,000 2.6 s
)
SAMPLE = 10


@dataclass(frozen=True, slots=True)
class Relinked:
    """What was moved, or would be; `is_replayed` when a request with the same key had moved it before."""

    moved: Moved
    is_replayed: bool = False


async def plan_relink(session: Session, viewer: Viewer, relink: Relink) -> Relinked:
    """Say what `relink_tasks` would do. Raises Refused where it would. As many statements as there."""
    _refuse(*_problems(viewer, relink))

    async def plan(relink: Relink) -> Moved:
        return await relinks.plan(session, relink, most=_most(relink), sample=SAMPLE)

    return Relinked(await _attempt(session, relink, plan))


async def relink_tasks(
    session: Session, viewer: Viewer, relink: Relink, intention: Intention | None = None
) -> Relinked:
    """Move the tasks, all or none; those of a record that was deleted, too. Raises Refused.

    Only tasks whose links change are touched, so the same again moves none. 1 statement, 2 when nothing moves, 3 or 4
    for a deleted record; 1 or 3 more for tasks that get a lead, and 2 with a key.
    """
    _refuse(*_problems(viewer, relink), *key_problems(intention))

    async def move(relink: Relink) -> Moved:
        moved = await relinks.move(session, relink, viewer.user_id, most=_most(relink), sample=SAMPLE)
        if moved.count and RecordKind.LEAD in relink.to:
            await follow_ups.mend(session)
        return moved

    async def change() -> Moved:
        return await _attempt(session, relink, move)

    async def recalled(answer: Answer) -> Moved:
        ids = [UUID(id_) for id_ in answer["sample"]]
        rows = {row.id: row for row in await tasks.by_ids(session, ids)}
        return Moved(answer["count"], tuple(rows[id_] for id_ in ids if id_ in rows))

    try:
        moved, is_replayed = await once(session, viewer, intention, change, stored=_stored, recalled=recalled)
    except ConstraintViolated:  # a record went away between the check and the update, both in one statement
        gone = Invalid("A record to link to was deleted at this very moment. Reload, and try again.", "to")
        found = await relinks.obstacles(session, relink)
        raise Refused(*(_refusals(relink, found) or [gone])) from None
    return Relinked(moved, is_replayed=is_replayed)


def _most(relink: Relink) -> int:
    return MOST_TASKS_OF_LEADS if RecordKind.LEAD in {relink.kind, *relink.to} else MOST_TASKS


def _stored(moved: Moved) -> Answer:
    return {"count": moved.count, "sample": [str(row.id) for row in moved.sample]}


def _problems(viewer: Viewer, relink: Relink) -> list[Refusal]:
    problems = forbidden(viewer)
    if not relink.to:
        problems.append(LinkRequired("There is nothing to link to. Give leadId, contactId or accountId.", "to"))
    return problems


async def _attempt(session: Session, relink: Relink, run: Callable[[Relink], Awaitable[Moved]]) -> Moved:
    """Run it for the record's tasks, or, when the record is gone, for those that the log names. Raises Refused."""
    moved = await run(relink)
    if moved.count:
        return moved
    found = await relinks.obstacles(session, relink)
    if found.is_from_missing and found.is_from_lost and not relink.is_from_lost:
        return await _attempt(session, replace(relink, is_from_lost=True), run)
    _refuse(*_refusals(relink, found))
    return moved


def _refusals(relink: Relink, found: Obstacles) -> list[Refusal]:
    """Return why nothing moves; nothing when there is just no task to move."""
    targets = [("to", kind, relink.to[kind]) for kind in found.missing]
    is_unknown = found.is_from_missing and not found.is_from_lost
    absent = [("from", relink.kind, relink.id), *targets] if is_unknown else targets
    refusals: list[Refusal] = [missing_record(kind.column, id_, at=side) for side, kind, id_ in absent]
    if found.count > (most := _most(relink)):
        refusals.append(
            Invalid(f"{found.count:,} tasks would move. Narrow them to {most:,} at once by the filter.", "filter")
        )
    return refusals


def _refuse(*refusals: Refusal) -> None:
    if refusals:
        raise Refused(*refusals)
