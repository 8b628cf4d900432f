"""Mistakes in what a client asks: errors with a place in the document, a code and words of ours."""

from __future__ import annotations

from typing import TYPE_CHECKING

from graphql import GraphQLError
from graphql.pyutils import suggestion_list

from errors import BadUserInput

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from graphql import Node, Source

MOST_SHOWN = 80
"""Characters of a client's own text that a message repeats: enough to know it again."""
MOST_SUGGESTED = 3


def mistake(words: str, nodes: Sequence[Node]) -> GraphQLError:
    """Return the error of a client that is told these words, at these places."""
    return GraphQLError(words, nodes, original_error=BadUserInput(words))


def mistake_at(words: str, source: Source, position: int) -> GraphQLError:
    """Return the error of a client in a text that can't be read further than this."""
    return GraphQLError(words, source=source, positions=[position], original_error=BadUserInput(words))


def quoted(text: str) -> str:
    """Return a client's own word in quotes."""
    return f"“{shortened(text)}”"


def shortened(text: str) -> str:
    """Return the text, cut where it is longer than anybody reads in a message."""
    return text if len(text) <= MOST_SHOWN else f"{text[:MOST_SHOWN]}…"


def did_you_mean(name: str, known: Iterable[str], *, otherwise: str, is_hidden: bool) -> str:
    """Return what to do about a name that isn't known: which ones are like it, unless that is for nobody to know."""
    # Nothing that long is a slip of the keyboard, and comparing takes the longer the longer it is.
    alike = [] if is_hidden or len(name) > MOST_SHOWN else suggestion_list(name, list(known))
    return f"Did you mean {listed(alike[:MOST_SUGGESTED])}?" if alike else otherwise


def listed(names: Sequence[str]) -> str:
    """Return the names as a list to choose from: a, b or c."""
    return " or ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))
