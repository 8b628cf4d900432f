"""Changes that are made once, however often they are sent: a key of the caller's leads a repeat to the first answer."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, Field, dataclass, fields, is_dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar
from uuid import UUID

from db import idempotency_keys, tasks
from errors import IdempotencyConflict, Invalid, RecordNotFound, Refusal, Refused
from resolvers.task_rules import Changed

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from db.sessions import Session
    from resolvers.viewers import Viewer

LONGEST_KEY = 255  # characters

Made = TypeVar("Made")
Answer: TypeAlias = dict[str, Any]
"""What is kept of an answer, as JSON."""


@dataclass(frozen=True, slots=True)
class Intention:
    """What somebody means to do once: an operation, and a key of their own for this input of it."""

    operation: str
    """One name for all ways to ask for the same: createTask, updateTask, relinkTasks."""
    key: str
    digest: bytes
    hours: int
    """How long the key is kept."""

    @classmethod
    def of(cls, operation: str, key: str, given: object, *, hours: int) -> Intention:
        """Return the intention for an input as plain data."""
        return cls(operation, key, digest_of(given), hours)

    def owner(self, viewer: Viewer) -> idempotency_keys.Owner:
        """Return whose key it is."""
        return idempotency_keys.Owner(viewer.user_id, self.operation, self.hours)

    def conflicts_with(self, digest: bytes) -> list[Refusal]:
        """Return the refusal when the key was used before with an input of this digest, and that is another one."""
        if digest == self.digest:
            return []
        used = f"The key “{self.key[:40]}” was used before, with another input."
        message = f"{used} Send the same input again, or take a new key."
        return [IdempotencyConflict(message, "idempotency_key")]


def digest_of(given: object) -> bytes:
    """Digest plain data: what means the same has the same digest, in every process.

    A field that has its default is left out, so that a release that adds one still knows the inputs of the one before.
    """
    text = json.dumps(_canonical(given), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).digest()


def key_problems(intention: Intention | None) -> list[Refusal]:
    """Return what is wrong with the key, if there is one."""
    if intention is None:
        return []
    name, length = "idempotency_key", len(intention.key)
    if not 1 <= length <= LONGEST_KEY:
        return [Invalid(f"The idempotency key has {length} characters. Give 1 to {LONGEST_KEY}, or none at all.", name)]
    if "\0" in intention.key:
        return [Invalid("The idempotency key holds a NUL character, which can't be stored. Remove it.", name)]
    return []


async def once(
    session: Session,
    viewer: Viewer,
    intention: Intention | None,
    change: Callable[[], Awaitable[Made]],
    *,
    stored: Answer | Callable[[Made], Answer],
    recalled: Callable[[Answer], Awaitable[Made]],
) -> tuple[Made, bool]:
    """Make a change in one transaction, or recall what it answered before; return it, and whether it was recalled.

    `stored` is what is kept of an answer, or says so once there is one; `recalled` makes an answer of that. A change
    that raises leaves no key. Raises Refused when the key was used with another input, and TimedOut when another
    request with it doesn't end in time. With a key 1 statement more, 2 if what is kept isn't known before; for a repeat
    2, and those of `recalled`.
    """
    async with session.write(viewer.user_id, is_once=intention is not None):
        if intention is None:
            return await change(), False
        owner, key = intention.owner(viewer), intention.key
        known = {} if callable(stored) else {key: json.dumps(stored)}
        for used in await idempotency_keys.claim(session, owner, {key: intention.digest}, known):
            if conflict := intention.conflicts_with(used.digest):
                raise Refused(*conflict)
            return await recalled(json.loads(used.answer)), True
        made = await change()
        if callable(stored):
            await idempotency_keys.keep(session, owner, {key: json.dumps(stored(made))})
        return made, False


async def task_once(
    session: Session,
    viewer: Viewer,
    intention: Intention | None,
    task_id: UUID,
    change: Callable[[], Awaitable[Changed]],
) -> Changed:
    """Make a change of one task, or return the task as it is now that was changed under this key before; see `once`.

    Raises Refused, too, when that task has been deleted since.
    """

    async def recalled(answer: Answer) -> Changed:
        id_ = task_id_in(answer)
        found = await tasks.by_ids(session, [id_])
        if not found:
            raise Refused(gone(id_))
        return Changed(found[0])

    made, is_recalled = await once(session, viewer, intention, change, stored=answer_of(task_id), recalled=recalled)
    return replace(made, is_replayed=True) if is_recalled else made


def answer_of(task_id: UUID) -> Answer:
    """Return what is kept of an answer that is one task."""
    return {"task": str(task_id)}


def task_id_in(answer: Answer) -> UUID:
    """Read what `answer_of` has made."""
    return UUID(str(answer["task"]))


def gone(id_: UUID) -> RecordNotFound:
    """Say that the task of a repeat has been deleted since."""
    message = f"The task {id_}, which this key stands for, has been deleted since. Take a new key to do it again."
    return RecordNotFound(message, "idempotency_key", str(id_))


def _canonical(value: object) -> object:
    """Return what JSON has for a value. Raises TypeError for what is no plain data."""
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, Mapping):
        return {str(name): _canonical(part) for name, part in value.items()}
    if isinstance(value, Sequence):
        return [_canonical(part) for part in value]
    if is_dataclass(value):
        given = {place.name: getattr(value, place.name) for place in fields(value)}
        defaults = {place.name: _default(place) for place in fields(value)}
        return {name: _canonical(part) for name, part in given.items() if part != defaults[name]}
    return _text(value)


def _text(value: object) -> str | list[str]:
    match value:
        case UUID():
            return str(value)
        case datetime():
            return value.astimezone(UTC).isoformat()
        case frozenset():
            return sorted(map(str, value))
    raise TypeError(f"{type(value).__name__} is no plain data")


def _default(place: Field[object]) -> object:
    return place.default if place.default_factory is MISSING else place.default_factory()
