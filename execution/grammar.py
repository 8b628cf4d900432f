"""Reading the text of a document by graphql-core, which says in our words where it can't go on."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from graphql import GraphQLError, GraphQLSyntaxError, Lexer, Source, TokenKind, get_location
from graphql.language.parser import Parser

from execution.mistakes import mistake_at, quoted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from graphql import DocumentNode, Token

_IGNORED = re.compile(r"(?:[ \t\r\n,\ufeff]|#[^\r\n]*)*")
_WORD = re.compile(r"[^\s,(){}\[\]]*")

_KINDS = {
    TokenKind.NAME: "a name",
    TokenKind.INT: "a number",
    TokenKind.FLOAT: "a number",
    TokenKind.STRING: "a text",
    TokenKind.BLOCK_STRING: "a text",
    TokenKind.EOF: "the end of the document",
}


def tokens_of(text: str) -> Iterator[Token]:
    """Read the text token by token; the last one is its end. Raises a GraphQLError where it can't be read."""
    lexer = Lexer(Source(text))
    try:
        while True:
            try:
                token = lexer.advance()
            except GraphQLSyntaxError as exc:
                raise _unreadable(lexer, exc) from None
            yield token
            if token.kind is TokenKind.EOF:
                return
    finally:
        _unlink(lexer)


def read(text: str) -> DocumentNode:
    """Return the document. The text must have been read by tokens; raises a GraphQLError where one can't stand."""
    parser = _Parser(Source(text))
    try:
        return parser.parse_document()
    except GraphQLSyntaxError:  # the few that the parser doesn't raise by the methods below
        raise parser.unexpected() from None
    finally:
        _unlink(parser._lexer)


def _unlink(lexer: Lexer) -> None:
    """Let the tokens, each of which holds the next and the last, go with what was read of them."""
    token: Token | None = lexer.token
    while token and token.next:  # read ahead
        token = token.next
    while token:
        before, token.prev, token.next = token.prev, None, None
        token = before


class _Parser(Parser):
    """The parser, with words of ours for a token that can't stand where it does."""

    def expect_token(self, kind: TokenKind) -> Token:
        """Take a token of this kind."""
        if self._lexer.token.kind is not kind:
            raise self._misplaced(_KINDS.get(kind) or quoted(kind.value))
        return super().expect_token(kind)

    def expect_keyword(self, value: str) -> None:
        """Take this very word."""
        if self._lexer.token.value != value:
            raise self._misplaced(quoted(value))
        super().expect_keyword(value)

    def unexpected(self, at_token: Token | None = None) -> GraphQLError:
        """Return the error of a token where no single other one is wanted."""
        return self._misplaced(None, at_token)

    def _misplaced(self, wanted: str | None, at_token: Token | None = None) -> GraphQLError:
        token = at_token or self._lexer.token
        found = "the document ends" if token.kind is TokenKind.EOF else f"{_shown(token)} can't stand here"
        next_step = f"Write {wanted} there" if wanted else "Write something else there, or take it out"
        if token.kind is TokenKind.EOF and not wanted:
            found, next_step = "the document ends before it is whole", "Write the rest of it"
        return _at(self._lexer.source, token.start, f"{found}. {next_step}")


def _unreadable(lexer: Lexer, error: GraphQLSyntaxError) -> GraphQLError:
    """Return the error of a text in which no further token can be read: by what this one began with."""
    body, (position, *_) = lexer.source.body, error.positions or [0]
    start = _end_of(_IGNORED, body, lexer.token.end)
    word = quoted(body[start : max(_end_of(_WORD, body, start), start + 1)])
    match body[start : start + 1]:
        case '"':
            words = _unreadable_text(body[position : position + 1])
        case first if first == "-" or first.isdigit():
            words = f"{word} is no number. Write digits, and a point only between digits"
        case ".":
            words = f"{word} can't stand here. Write three points to spread a fragment"
        case "'":
            words = f"{word} can't stand here. Put a text in double quotes"
        case _:
            words = f"{word} can't stand here. Take it out"
    return _at(lexer.source, position, words)


def _unreadable_text(found: str) -> str:
    """Return what is wrong with a text that can't be read further than this character."""
    if found == "\\":
        return r"the text has an escape that there isn't. Write \\ for a backslash"
    if found in {"", "\r", "\n"}:
        return "the text in quotes doesn't end. Close it with a double quote"
    return "the text holds a character that can't be in one. Take it out"


def _at(source: Source, position: int, words: str) -> GraphQLError:
    place = get_location(source, position)
    return mistake_at(f"Line {place.line}, column {place.column}: {words}.", source, position)


def _end_of(pattern: re.Pattern[str], text: str, start: int) -> int:
    found = pattern.match(text, start)
    return found.end() if found else start


def _shown(token: Token) -> str:
    return quoted(token.value or token.kind.value)
