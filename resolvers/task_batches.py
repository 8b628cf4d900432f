"""Create many tasks at once: all or none, or each on its own."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeAlias
from uuid import UUID, uuid4

from db import idempotency_keys, task_batches, tasks
from db.turns import take_turn
from errors import AnswerLost, ConstraintViolated, Invalid, Refused, TimedOut, Unavailable
from resolvers.idempotency import answer_of, gone, key_problems, task_id_in
from resolvers.links import LinkedPair
from resolvers.task_rules import Changed, check_list, forbidden
from resolvers.tasks import create_task, draft_problems, new_task, not_stored, trimmed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from db.idempotency_keys import KeyRow
    from db.interactions import InteractionRow
    from db.sessions import Session
    from db.tasks import NewTask
    from resolvers.idempotency import Intention
    from resolvers.tasks import TaskDraft
    from resolvers.viewers import Viewer


@dataclass(frozen=True, slots=True)
class WantedTask:
    """A task that somebody wants, once if it has a key, or of which they only want to know whether it can be had."""

    draft: TaskDraft
    intention: Intention | None = None
    is_check_only: bool = False
    client_mutation_id: str | None = None
    """The caller's own text for it, for the log."""


@dataclass(frozen=True, slots=True)
class _Item:
    wanted: WantedTask
    draft: TaskDraft
    new: NewTask
    intention: Intention | None
    """None where nothing is to be written."""
    id: UUID = field(default_factory=uuid4)
    """The id that its task will have."""

    @property
    def key(self) -> str | None:
        return self.intention.key if self.intention else None


_Outcomes: TypeAlias = dict[UUID, Changed | Refused]  # by the item's id; absent while nothing is known


async def create_tasks(
    session: Session, viewer: Viewer, wanted: Sequence[WantedTask], *, is_atomic: bool
) -> list[Changed | Refused]:
    """Create tasks, all of them or none when atomic; return what became of each, in the order given.

    Of those with the same key one is created. Raises LimitExceeded. However many there are, 1 statement, and 1 more
    where some are refused; 1 more with keys, 2 where such are refused, and 2 for repeats; and 2 for each text of the
    caller's own. Only when a record goes away at this very moment, each is created by itself.
    """
    check_list("input", wanted)
    items = [_item(viewer, one) for one in wanted]
    outcomes = _problems(viewer, items)
    try:
        await _create(session, viewer, items, outcomes, is_atomic=is_atomic)
    except Refused:
        outcomes = _none_created(items, outcomes)
    except ConstraintViolated:  # a record went away between the check and the insert, both in one statement
        if not is_atomic:
            return await _each_alone(session, viewer, items)
        lost = await _unlinkable(session, items)
        outcomes = _none_created(items, lost or {item.id: _not_stored(item, []) for item in items})
    return [outcomes[item.id] for item in items]


async def _create(
    session: Session, viewer: Viewer, items: Sequence[_Item], outcomes: _Outcomes, *, is_atomic: bool
) -> None:
    """Create what can be created, and add to `outcomes` what became of it. Raises Refused to take all of it back."""
    copies = _copies(items)
    sound = [item for item in items if item.id not in outcomes and item.id not in copies]
    if is_atomic and outcomes:
        outcomes |= await _unlinkable(session, sound)  # so that all that is wrong is said at once
        raise Refused
    checked = [item for item in sound if item.wanted.is_check_only]
    outcomes |= {item.id: _checked(item) for item in checked} | await _unlinkable(session, checked)
    if written := [item for item in sound if not item.wanted.is_check_only]:
        async with session.write(viewer.user_id, is_once=all(item.intention for item in written)):
            if len(_by_text(written)) > 1:  # statements that lock leads, each in an order of its own
                await take_turn(session)
            outcomes |= await _recalled(session, viewer, written)
            fresh = [item for item in written if item.id not in outcomes]
            outcomes |= await _inserted(session, viewer, fresh)
            if is_atomic and _is_any_refused(outcomes):
                raise Refused
            await _release_unused(session, viewer, fresh, outcomes)
    elif is_atomic and _is_any_refused(outcomes):  # they would be, so they are told so
        raise Refused
    for copy, first in copies.items():
        outcome = outcomes[first]
        outcomes.setdefault(copy, replace(outcome, is_replayed=True) if isinstance(outcome, Changed) else outcome)


def _checked(item: _Item) -> Changed:
    return Changed(None, checked=LinkedPair(item.new.contact_id, item.new.account_id))


def _is_any_refused(outcomes: _Outcomes) -> bool:
    return any(isinstance(outcome, Refused) for outcome in outcomes.values())


async def _inserted(session: Session, viewer: Viewer, items: Sequence[_Item]) -> _Outcomes:
    """Insert tasks; those of which a record isn't there are refused.

    1 statement, 2 with such; and 2 for each text of the caller's, for the log reads it where a statement ends.
    """
    rows: dict[UUID, InteractionRow] = {}
    for text, named in _by_text(items).items():
        if text:
            await task_batches.name_changes(session, text)
        rows |= await task_batches.create_all(session, {item.id: item.new for item in named}, viewer.user_id)
    left_out = [item for item in items if item.id not in rows]
    refused = {item.id: _not_stored(item, []) for item in left_out} | await _unlinkable(session, left_out)
    return {id_: Changed(row) for id_, row in rows.items()} | refused


def _by_text(items: Sequence[_Item]) -> dict[str, list[_Item]]:
    """Return the items by the caller's own texts, those without one first."""
    texts = sorted({item.wanted.client_mutation_id or "" for item in items})
    return {text: [item for item in items if (item.wanted.client_mutation_id or "") == text] for text in texts}


async def _unlinkable(session: Session, items: Sequence[_Item]) -> _Outcomes:
    """Refuse the items of which a record isn't there. 1 statement."""
    if not items:
        return {}
    missing = await task_batches.missing_references(session, [item.new for item in items])
    return {item.id: _not_stored(item, names) for item, names in zip(items, missing, strict=True) if names}


def _not_stored(item: _Item, missing: Sequence[str]) -> Refused:
    return Refused(*not_stored(item.draft, item.new, missing))


async def _recalled(session: Session, viewer: Viewer, items: Sequence[_Item]) -> _Outcomes:
    """Claim the keys; return what became of the items whose keys were used before. At most 3 statements."""
    keyed = {item.intention.key: (item.id, item.intention) for item in items if item.intention}
    if not keyed:
        return {}
    owner = next(intention.owner(viewer) for _, intention in keyed.values())
    digests = {key: intention.digest for key, (_, intention) in keyed.items()}
    answers = {key: json.dumps(answer_of(id_)) for key, (id_, _) in keyed.items()}
    used = await idempotency_keys.claim(session, owner, digests, answers)
    found = await _answers(session, [row for row in used if row.digest == digests[row.key]])
    outcomes: _Outcomes = {}
    for row in used:
        id_, intention = keyed[row.key]
        conflict = intention.conflicts_with(row.digest)
        outcomes[id_] = Refused(*conflict) if conflict else found[row.key]
    return outcomes


async def _answers(session: Session, used: Sequence[KeyRow]) -> dict[str, Changed | Refused]:
    """Return the answers of keys that were used before, the tasks as they are now. 1 statement."""
    if not used:
        return {}
    ids = {row.key: task_id_in(json.loads(row.answer)) for row in used}
    rows = {row.id: row for row in await tasks.by_ids(session, list(ids.values()))}
    return {
        key: Changed(rows[id_], is_replayed=True) if id_ in rows else Refused(gone(id_)) for key, id_ in ids.items()
    }


async def _release_unused(session: Session, viewer: Viewer, items: Sequence[_Item], outcomes: _Outcomes) -> None:
    """Let the keys just claimed go under which no task was made. At most 1 statement."""
    unused = [item.intention for item in items if item.intention and not isinstance(outcomes[item.id], Changed)]
    if unused:
        await idempotency_keys.release(session, unused[0].owner(viewer), [intention.key for intention in unused])


async def _each_alone(session: Session, viewer: Viewer, items: Sequence[_Item]) -> list[Changed | Refused]:
    """Create each in a transaction of its own. Raises AnswerLost when it ends early, and some would be made twice."""
    outcomes: list[Changed | Refused] = []
    has_made = False
    for item in items:
        try:
            outcomes.append(await _alone(session, viewer, item))
        except (Unavailable, TimedOut) as exc:
            if not has_made:
                raise
            done = "first one is" if len(outcomes) == 1 else f"first {len(outcomes):,} are"
            raise AnswerLost(
                f"Of {len(items):,} tasks the {done} done with, and saved unless refused; the next may be, too. "
                "The database could not be reached for the others. Look at what is there, and send what is missing."
            ) from exc
        is_written = not item.wanted.is_check_only and not item.intention
        has_made = has_made or (is_written and isinstance(outcomes[-1], Changed))
    return outcomes


async def _alone(session: Session, viewer: Viewer, item: _Item) -> Changed | Refused:
    """Create a task in a transaction of its own."""
    wanted = item.wanted
    session.client_mutation_id = wanted.client_mutation_id
    try:
        return await create_task(
            session, viewer, wanted.draft, is_check_only=wanted.is_check_only, intention=wanted.intention
        )
    except Refused as refused:
        return refused


def _item(viewer: Viewer, wanted: WantedTask) -> _Item:
    draft = trimmed(wanted.draft)
    return _Item(wanted, draft, new_task(draft, viewer), None if wanted.is_check_only else wanted.intention)


def _problems(viewer: Viewer, items: Sequence[_Item]) -> _Outcomes:
    """Refuse the items that can be told to be wrong without the database."""
    outcomes: _Outcomes = {}
    digests: dict[str, bytes] = {}
    for item in items:
        problems = [*forbidden(viewer), *draft_problems(item.draft), *key_problems(item.wanted.intention)]
        if item.intention:
            problems += item.intention.conflicts_with(digests.setdefault(item.intention.key, item.intention.digest))
        if problems:
            outcomes[item.id] = Refused(*problems)
    return outcomes


def _copies(items: Sequence[_Item]) -> dict[UUID, UUID]:
    """Return the items that repeat another one's key, each with that one: what became of it, they answer too."""
    firsts = {item.key: item.id for item in reversed(items) if item.key is not None}
    return {item.id: firsts[item.key] for item in items if item.key is not None and firsts[item.key] != item.id}


def _none_created(items: Sequence[_Item], outcomes: _Outcomes) -> _Outcomes:
    """Refuse all items because some were refused."""
    faults = {number: item.id for number, item in enumerate(items) if isinstance(outcomes.get(item.id), Refused)}
    numbers = ", ".join(map(str, faults))
    which = f"item {numbers} was" if len(faults) == 1 else f"items {numbers} were"
    others = Refused(
        Invalid(f"Nothing was created, because {which} refused (the first is 0). Correct that, or give atomic: false.")
    )
    return {item.id: outcomes[item.id] if item.id in faults.values() else others for item in items}
