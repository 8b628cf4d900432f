"""Parsing GraphQL documents within bounds, and keeping the valid ones."""

from __future__ import annotations

from collections import OrderedDict
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from graphql import DocumentNode, TokenKind

from errors import BadUserInput, LimitExceeded
from execution.beside import Beside
from execution.flights import Flights
from execution.grammar import read, tokens_of
from execution.turns import AT_ONCE, Turns

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from graphql import Token

    from execution.cost import Measure, Sizes
    from execution.limits import Limits

Done = TypeVar("Done")

_OPENING = frozenset({TokenKind.BRACE_L, TokenKind.BRACKET_L, TokenKind.PAREN_L})
_CLOSING = frozenset({TokenKind.BRACE_R, TokenKind.BRACKET_R, TokenKind.PAREN_R})
_NUMBERS = frozenset({TokenKind.INT, TokenKind.FLOAT})
_STRINGS = frozenset({TokenKind.STRING, TokenKind.BLOCK_STRING})


# Measured by tracemalloc: a token and what is built of it take 560 bytes at most (of fields without anything else).
TOKEN_BYTES = 600
# A character may be kept twice, in the text and as a part of a token's value; one outside the basic plane makes each
# character of its string 4 bytes wide.
CHARACTER_BYTES = 8


class Documents:
    """Parses texts, and keeps those that were found valid for one schema, the least recently used leaving first."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._kept: OrderedDict[str, DocumentNode] = OrderedDict()
        self._measures: dict[str, dict[Sizes, Measure]] = {}
        self._kept_bytes = 0
        self._beside = Beside()
        self._flights = Flights()
        self.turns = Turns()

    def known(self, text: str) -> DocumentNode | None:
        """Return the document if it was kept."""
        if (document := self._kept.get(text)) is not None:
            self._kept.move_to_end(text)
        return document

    def read(self, text: str) -> DocumentNode:
        """Parse a document. Raises GraphQLError, LimitExceeded or BadUserInput."""
        check_tokens(text, self._limits)
        return read(text)

    async def once(self, whose: Hashable | None, what: Hashable, work: Callable[[], Done], *, until: float) -> Done:
        """Do beside the loop what a large document needs, in somebody's turn, once for all who wait for the same.

        Raises Crowded, which is that person's alone, where the turn hasn't come by then; Unavailable, and what the work
        raises.
        """

        async def in_turn() -> Done:
            async with self.turns.take(whose, AT_ONCE, until=until):
                return await self._flights.join(what, partial(self._beside.do, work))

        return await self._flights.join((whose, what), in_turn)

    def measures(self, text: str) -> dict[Sizes, Measure]:
        """Return the measures taken of a document, to be added to. They go with it; of one that isn't kept, at once."""
        return self._measures.get(text, {})

    def keep(self, text: str, document: DocumentNode) -> None:
        """Keep a valid document, unless it alone takes more than all may."""
        added = bytes_charged(text, document.token_count)
        if text in self._kept or added > self._limits.kept_bytes:
            return
        self._kept[text] = document
        self._measures[text] = {}
        self._kept_bytes += added
        while self._kept_bytes > self._limits.kept_bytes:
            dropped, tree = self._kept.popitem(last=False)
            del self._measures[dropped]
            self._kept_bytes -= bytes_charged(dropped, tree.token_count)


def bytes_charged(text: str, tokens: int) -> int:
    """Return how much memory a document takes at most, its comments counted as tokens; usually it takes half."""
    return len(text) * CHARACTER_BYTES + tokens * TOKEN_BYTES


def check_tokens(text: str, limits: Limits) -> None:
    """Read the text token by token, without recursion and before anything is built of it. Comments are tokens too.

    Raises LimitExceeded, BadUserInput for the character U+0000, GraphQLError where it can't be read.
    """
    if len(text) > limits.characters:
        raise LimitExceeded(f"The document has {len(text):,} characters; at most {limits.characters:,} are possible.")
    tokens = nesting = directives = 0
    for token in tokens_of(text):
        tokens += (token.kind is not TokenKind.EOF) + _comments_before(token)
        nesting += (token.kind in _OPENING) - (token.kind in _CLOSING)
        directives += token.kind is TokenKind.AT
        _check_value(token, limits)
        for what, count, limit in (
            ("more tokens", tokens, limits.tokens),
            ("deeper nesting", nesting, limits.nesting),
            ("more directives", directives, limits.directives),
        ):
            if count > limit:
                raise LimitExceeded(f"The document has {what} than the {limit:,} allowed. Split or simplify it.")


def _comments_before(token: Token) -> int:
    """Count the comments that the lexer passed over: each is an object that stays in its chain."""
    comments = 0
    while (before := token.prev) and before.kind is TokenKind.COMMENT:
        token, comments = before, comments + 1
    return comments


def _check_value(token: Token, limits: Limits) -> None:
    if token.kind in _NUMBERS and token.end - token.start > limits.digits:
        raise LimitExceeded(
            f"The number in line {token.line} has {token.end - token.start:,} characters;"
            f" at most {limits.digits} are possible."
        )
    if token.kind in _STRINGS and "\0" in (token.value or ""):
        raise BadUserInput(f"The text in line {token.line} holds the character U+0000, which can't be stored.")
