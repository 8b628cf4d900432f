"""What people change of a task: its words, its dates, whose it is and what it hangs on."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from db import follow_ups, task_changes
from errors import ConstraintViolated, Invalid, LinkRequired, Refusal, Refused
from resolvers.idempotency import key_problems, task_once
from resolvers.links import LinkedPair
from resolvers.task_rules import (
    LONGEST_DESCRIPTION,
    LONGEST_OUTCOME,
    Changed,
    forbidden,
    length_problems,
    missing_record,
    no_task,
    stale,
    subject_problems,
    unstorable,
)

if TYPE_CHECKING:
    from db.interactions import InteractionRow
    from db.sessions import Session
    from db.task_changes import TaskChange, Verdict
    from resolvers.idempotency import Intention
    from resolvers.viewers import Viewer


async def update_task(
    session: Session,
    viewer: Viewer,
    change: TaskChange,
    *,
    is_check_only: bool = False,
    intention: Intention | None = None,
) -> Changed:
    """Change a task and return it as stored; nothing is written when nothing would differ.

    With `is_check_only` nothing is written in any case, and there is no row. Raises Refused with every reason found.
    1 statement, 2 when nothing was changed, 2 or 4 when it gets a lead; with a key 1 more, and 3 for its repeat.
    """
    change = replace(
        change,
        subject=(change.subject or "").strip(),
        description=change.description or None,
        outcome=(change.outcome or "").strip() or None,
    )
    problems = [*forbidden(viewer), *_problems(change), *key_problems(intention)]
    if problems:
        raise Refused(*problems)
    if is_check_only:
        verdict = _judged(change, await task_changes.verdict(session, change))
        return Changed(None, checked=_pair_after(change, verdict.row))

    async def update() -> Changed:
        row = await task_changes.apply(session, change, viewer.user_id)
        if row and change.lead_id:
            await follow_ups.mend(session)
        return Changed(row) if row else await _unchanged(session, change)

    try:
        return await task_once(session, viewer, intention, change.task_id, update)
    except ConstraintViolated:  # a record went away between the check and the change, both in one statement
        return await _unchanged(session, change)


async def _unchanged(session: Session, change: TaskChange) -> Changed:
    """Return the task of a change that changed nothing. Raises Refused if anything stood against it."""
    verdict = _judged(change, await task_changes.verdict(session, change))
    if verdict.is_different:  # what stood against it is gone by now
        raise Refused(stale(verdict.row))
    return Changed(verdict.row, is_replayed=True)


def _pair_after(change: TaskChange, row: InteractionRow) -> LinkedPair:
    """Return what the task would link."""
    return LinkedPair(
        *(getattr(change if name in change.given else row, name) for name in ("contact_id", "account_id"))
    )


def _judged(change: TaskChange, verdict: Verdict | None) -> Verdict:
    """Raise Refused for whatever stands against a change."""
    if verdict is None or verdict.row.deleted_at:
        raise Refused(no_task(change.task_id, verdict.row if verdict else None))
    if change.expected_version not in {None, verdict.row.version}:
        raise Refused(stale(verdict.row))
    problems: list[Refusal] = [missing_record(field, getattr(change, field)) for field in verdict.missing]
    if not (verdict.is_link_left or problems):
        problems.append(_last_link(change))
    if problems:
        raise Refused(*problems)
    return verdict


def _last_link(change: TaskChange) -> LinkRequired:
    links = [name for name in ("lead_id", "contact_id", "account_id") if name in change.given]
    return LinkRequired(
        "The task would have no link left. Link a lead, a contact or an account in its place.",
        links[0] if len(links) == 1 else None,
    )


def _problems(change: TaskChange) -> list[Refusal]:
    problems = subject_problems(change.subject or "") if "subject" in change.given else []
    problems += length_problems("description", change.description, LONGEST_DESCRIPTION)
    problems += length_problems("outcome", change.outcome, LONGEST_OUTCOME)
    problems += unstorable(subject=change.subject, description=change.description, outcome=change.outcome)
    if "assignee_id" in change.given and change.assignee_id is None:
        problems.append(Invalid("A task must be somebody's. Give the assigneeId of a colleague.", "assignee_id"))
    return problems
