"""Search by words: every word must begin some word of a text, in any order, and in capitals or not."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from sqlalchemy import String, and_, func, literal, literal_column
from sqlalchemy.dialects.postgresql import ARRAY, dialect

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import ColumnElement


def has_words(words: Sequence[str], *texts: ColumnElement[str]) -> ColumnElement[bool]:
    """Match rows in whose texts together each word begins some word. The texts are columns or kept by a cache."""
    joined, spread_out = _rendered(*texts)
    # The first test is implied by the second, and cheap: it spares most rows the second one.
    return and_(
        _like_all(joined, inner_patterns(words)),
        _like_all(spread_out, patterns(words)),
    )


def patterns(words: Sequence[str]) -> list[str]:
    """Return for each word the ILIKE pattern that a spread text must match."""
    return [f"% {escaped(word)}%" for word in words]


def inner_patterns(words: Sequence[str]) -> list[str]:
    """Return for each word the ILIKE pattern that the texts, joined as they are, match if they hold it anywhere."""
    return [f"%{escaped(word)}%" for word in words]


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


@cache
def _rendered(*texts: ColumnElement[str]) -> tuple[ColumnElement[str], ColumnElement[str]]:
    """Return the texts joined, and spread, as finished SQL: a filter may hold a hundred of them."""
    postgresql = dialect()  # type: ignore[no-untyped-call]  # SQLAlchemy's
    joined, spread_out = (
        str(text.compile(dialect=postgresql, compile_kwargs={"literal_binds": True}))
        for text in (func.concat_ws(" ", *texts), spread(*texts))
    )
    return literal_column(joined, String), literal_column(spread_out, String)


def _like_all(text: ColumnElement[str], wanted: Sequence[str]) -> ColumnElement[bool]:
    # ILIKE, because the database must fold both sides: Python's lower() makes two characters of İ, for instance.
    return text.ilike(func.all(literal(list(wanted), ARRAY(String))))
