"""Move tasks from one record to others: after a conversion, a merge or a deletion."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from db import relinks, tasks
from db.records import RecordKind
from db.relinks import Moved, Relink
from errors import ConstraintViolated, Invalid, LinkRequired, Refusal, Refused
from resolvers.idempotency import key_problems, once
from resolvers.task_rules import forbidden, missing_record

if TYPE_CHECKING:
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
    """Say what `relink_tasks` would do. Raises Refused where it would. 1 statement, 2 when nothing would move."""
    _refuse(*_problems(viewer, relink))
    moved = await relinks.plan(session, relink, most=_most(relink), sample=SAMPLE)
    if not moved.count:
        _refuse(*await _obstacles(session, relink))
    return Relinked(moved)


async def relink_tasks(
    session: Session, viewer: Viewer, relink: Relink, intention: Intention | None = None
) -> Relinked:
    """Move the tasks, all or none. Raises Refused. 1 statement, 2 when nothing moves; 2 more with a key.

    Only tasks whose links change are touched, so the same again moves none.
    """
    _refuse(*_problems(viewer, relink), *key_problems(intention))

    async def move() -> Moved:
        moved = await relinks.move(session, relink, viewer.user_id, most=_most(relink), sample=SAMPLE)
        if not moved.count:
            _refuse(*await _obstacles(session, relink))
        return moved

    async def recalled(answer: Answer) -> Moved:
        ids = [UUID(id_) for id_ in answer["sample"]]
        rows = {row.id: row for row in await tasks.by_ids(session, ids)}
        return Moved(answer["count"], tuple(rows[id_] for id_ in ids if id_ in rows))

    try:
        moved, is_replayed = await once(session, viewer, intention, move, stored=_stored, recalled=recalled)
    except ConstraintViolated:  # a record went away between the check and the update, both in one statement
        gone = Invalid("A record to link to was deleted at this very moment. Reload, and try again.", "to")
        raise Refused(*(await _obstacles(session, relink) or [gone])) from None
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


async def _obstacles(session: Session, relink: Relink) -> list[Refusal]:
    """Return why nothing moves; nothing when there is just no task to move. 1 statement."""
    found = await relinks.obstacles(session, relink)
    targets = [("to", kind, relink.to[kind]) for kind in found.missing]
    absent = [("from", relink.kind, relink.id), *targets] if found.is_from_missing else targets
    refusals: list[Refusal] = [missing_record(kind.column, id_, at=side) for side, kind, id_ in absent]
    if found.count > (most := _most(relink)):
        refusals.append(
            Invalid(f"{found.count:,} tasks would move. Narrow them to {most:,} at once by the filter.", "filter")
        )
    return refusals


def _refuse(*refusals: Refusal) -> None:
    if refusals:
        raise Refused(*refusals)
