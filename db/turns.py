"""Turns: lists of changes of one organization run one after the other."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from sqlalchemy import Text, cast, func, literal, select

from db.statements import Statement, compiled, uuid_argument

if TYPE_CHECKING:
    from db.sessions import Session


async def take_turn(session: Session) -> None:
    """Wait until no other list of changes of the organization is being written; ours ends with the transaction.

    A change of one task locks it, and then its lead, which a trigger of the CRM writes. A change of many locks many of
    both, in an order that the server chooses: two of them could each wait for what the other one holds, and one would
    fail. With turns they can't; nor can a change of one task, which waits for its lead last. The old application takes
    no turn. 1 statement. Raises TimedOut.
    """
    await session.rows(_take_turn())


@cache
def _take_turn() -> Statement:
    organization = literal("taskline tasks ", Text).concat(cast(uuid_argument("organization_id"), Text))
    return compiled(select(func.pg_advisory_xact_lock(func.hashtextextended(organization, 0))))
