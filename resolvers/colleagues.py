"""Colleagues, found by words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from db import users
from errors import BadUserInput, LimitExceeded
from resolvers.pages import LARGEST_SIZE
from resolvers.searches import words_of

if TYPE_CHECKING:
    from db.sessions import Session
    from db.users import UserRow


async def search_colleagues(session: Session, text: str, limit: int) -> list[UserRow]:
    """Find active colleagues by the beginnings of words, in order of name; all of them without words. 1 statement.

    Raises BadUserInput or LimitExceeded.
    """
    if limit < 0:
        raise BadUserInput(f"first is {limit}. Give a number from 0 to {LARGEST_SIZE}.")
    if limit > LARGEST_SIZE:
        raise LimitExceeded(f"first is {limit}. Ask for 0 to {LARGEST_SIZE} colleagues; more words find fewer.")
    return await users.search(session, words_of(text, "The search"), limit)
