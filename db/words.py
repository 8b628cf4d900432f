"""Search by words: every word must begin some word of a text, in any order, and in capitals or not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import String, and_, func, literal
from sqlalchemy.dialects.postgresql import ARRAY

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import ColumnElement


def has_words(words: Sequence[str], *texts: ColumnElement[str]) -> ColumnElement[bool]:
    """Match rows in whose texts together each word begins some word."""
    # The first test is implied by the second, and cheap: it spares most rows the second one.
    joined = func.concat_ws(" ", *texts)
    return and_(_like_all(joined, [f"%{escaped(word)}%" for word in words]), _like_all(spread(*texts), patterns(words)))


def patterns(words: Sequence[str]) -> list[str]:
    """Return for each word the ILIKE pattern that a spread text must match."""
    return [f"% {escaped(word)}%" for word in words]


def spread(*texts: ColumnElement[str]) -> ColumnElement[str]:
    """Return the texts as one, made so that each of their words comes after a space.

    A word begins after white space, and after a hyphen, bracket or @ as well: the text stands there a second time with
    all of these made spaces.
    """
    text = func.concat_ws(" ", *texts)
    lines_joined = func.regexp_replace(text, "[[:space:]]+", " ", "g")
    return func.concat(" ", lines_joined, " ", func.regexp_replace(text, "[^[:alnum:]]+", " ", "g"))


def escaped(word: str) -> str:
    """Return the word for an ILIKE pattern, its own special characters taken as they are."""
    return word.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _like_all(text: ColumnElement[str], wanted: Sequence[str]) -> ColumnElement[bool]:
    # ILIKE, because the database must fold both sides: Python's lower() makes two characters of İ, for instance.
    return text.ilike(func.all(literal(list(wanted), ARRAY(String))))
