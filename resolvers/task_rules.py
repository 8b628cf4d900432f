"""What every change of a task has to respect, in words for people, and what a change comes to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from db import deletions
from errors import Forbidden, Invalid, LimitExceeded, RecordNotFound, Refusal, Refused, StaleVersion

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from db.interactions import InteractionRow
    from db.sessions import Session
    from resolvers.links import LinkedPair
    from resolvers.viewers import Viewer

LONGEST_SUBJECT = 255  # characters; the column's length
LONGEST_OUTCOME = 100  # characters; the column's length
LONGEST_DESCRIPTION = 100_000
LONGEST_MUTATION_ID = 255  # characters; the log keeps it with every line of the change
MOST_AT_ONCE = 100
"""How many tasks one list of changes may have."""

_NOUNS = {"lead_id": "lead", "contact_id": "contact", "account_id": "account", "assignee_id": "active colleague"}


@dataclass(frozen=True, slots=True)
class Changed:
    """What a change of one task came to: its row as it is now, none where the change was only checked."""

    row: InteractionRow | None
    is_replayed: bool = False
    """Whether nothing was done, because it had been done before."""
    checked: LinkedPair | None = None
    """What the task would link, where the change was only checked."""


def check_list(name: str, tasks: Sequence[object]) -> None:
    """Raise LimitExceeded for a list of more tasks than can be changed at once; `name` is its argument's."""
    if len(tasks) > MOST_AT_ONCE:
        raise LimitExceeded(f"{name} lists {len(tasks):,} tasks. List at most {MOST_AT_ONCE}.")


def forbidden(viewer: Viewer) -> list[Refusal]:
    """Refuse those who may only look."""
    if viewer.may_write:
        return []
    return [Forbidden("Your role VIEWER may look, and change nothing. Ask an administrator for the role USER.")]


def subject_problems(subject: str) -> list[Refusal]:
    """Refuse a trimmed subject that is empty or too long for its column."""
    if not subject:
        return [Invalid(f"The subject is empty. Give 1 to {LONGEST_SUBJECT} characters.", "subject")]
    return length_problems("subject", subject, LONGEST_SUBJECT)


def length_problems(name: str, text: str | None, longest: int) -> list[Refusal]:
    """Refuse a text of more than `longest` characters."""
    if text is None or len(text) <= longest:
        return []
    return [Invalid(f"The {name} has {len(text):,} characters. Shorten it to {longest:,}.", name)]


def unstorable(**texts: str | None) -> list[Refusal]:
    """Refuse texts with the one character that PostgreSQL can't keep."""
    return [
        Invalid(f"The {name} holds a NUL character, which can't be stored. Remove it.", name)
        for name, text in texts.items()
        if "\0" in (text or "")
    ]


async def existing_task(session: Session, id_: UUID, *, may_be_deleted: bool = False) -> InteractionRow:
    """Return the task that a change was meant for, and left as it is. Raises Refused without one. 1 statement."""
    found = next(iter(await deletions.by_ids(session, [id_])), None)
    if not found or (found.deleted_at and not may_be_deleted):
        raise Refused(no_task(id_, found))
    return found


def no_task(id_: UUID, deleted: InteractionRow | None = None, *, field: str | None = "id") -> RecordNotFound:
    """Say that there is no such task for the caller, or how one that was deleted comes back."""
    if deleted:
        return RecordNotFound(f"The task {id_} was deleted. Bring it back with restoreTask first.", field, str(id_))
    return RecordNotFound(f"There is no task {id_} in your organization. Choose another one.", field, str(id_))


def missing_record(field: str, id_: UUID, message: str | None = None, *, at: str | None = None) -> RecordNotFound:
    """Say that there is no such record or colleague for the caller, in these words or the usual ones.

    `at` names what the field is a part of, if it is one.
    """
    usual = f"There is no {_NOUNS[field]} {id_} in your organization. Choose another one."
    return RecordNotFound(message or usual, f"{at}.{field}" if at else field, str(id_))


def stale(row: InteractionRow) -> StaleVersion:
    """Say that somebody else was quicker, and show the task as it is now."""
    return StaleVersion("The task was changed in the meantime. Look at it as it is now.", "expected_version", row)
