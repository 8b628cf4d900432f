"""SQL text as tokens, cut where PostgreSQL and psql cut it (with `standard_conforming_strings` on, the default)."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from errors import MigrationFileUnusable

if TYPE_CHECKING:
    from collections.abc import Iterator


class Kind(StrEnum):
    """What a token is; the values are the group names of the pattern below."""

    SPACE = "space"
    COMMENT = "comment"
    STRING = "string"
    QUOTED_NAME = "quoted_name"
    DOLLAR_STRING = "dollar_string"
    WORD = "word"
    PARAMETER = "parameter"
    META_COMMAND = "meta_command"
    VARIABLE = "variable"
    SYMBOL = "symbol"


class Token(NamedTuple):
    """A piece of the text; the tokens of a text, joined, are the text. A tuple, for there are very many."""

    kind: Kind
    text: str
    line: int


# In this order: a string's prefix would otherwise be a word, a comment's start an operator. A dollar sign inside a word
# belongs to the word, so words come before dollar strings. Block comments nest, which no pattern can follow: see below.
_PATTERN = re.compile(
    r"""
      (?P<space> [\ \t\n\r\f\v]+ )
    | (?P<comment> --[^\n\r]* )
    | (?P<block> /\* )
    | (?P<string> [eE]'(?:[^'\\]|\\.|'')*' | (?:[bBnNxX]|[uU]&)?'(?:[^']|'')*' )
    | (?P<quoted_name> (?:[uU]&)?"(?:[^"]|"")*" )
    | (?P<open> (?:[eEbBnNxX]|[uU]&)?' | (?:[uU]&)?" )
    | (?P<word> [A-Za-z_\u0080-\U0010ffff][A-Za-z_0-9$\u0080-\U0010ffff]* )
    | (?P<parameter> \$[0-9]+ )
    | (?P<dollar> \$(?:[A-Za-z_\u0080-\U0010ffff][A-Za-z_0-9\u0080-\U0010ffff]*)?\$ )
    | (?P<meta_command> \\[^\n\r]* )
    | (?P<variable> :['"] )
    | (?P<symbol> :: | . )
    """,
    re.VERBOSE | re.DOTALL,
)
_BLOCK_EDGE = re.compile(r"/\*|\*/")
# By a look into a mapping: a file has ten thousand tokens, and a call of the enumeration costs as much as the match.
_KINDS = {kind.value: kind for kind in Kind} | {"block": Kind.COMMENT, "dollar": Kind.DOLLAR_STRING}


def tokens(text: str) -> Iterator[Token]:
    """Yield every token of the text. Raises MigrationFileUnusable if a string, name or comment never ends."""
    position, line = 0, 1
    while match := _PATTERN.match(text, position):
        group = match.lastgroup or ""
        end = match.end()
        if group == "block":
            end = _end_of_block(text, position)
        elif group == "dollar":
            end = _end_of_dollar_string(text, end, match.group())
        if group == "open" or end < 0:
            raise MigrationFileUnusable(
                f"Line {line}: what begins with {match.group()} never ends. Close it; nothing of the file was run."
            )
        token = Token(_KINDS[group], text[position:end], line)
        yield token
        line += token.text.count("\n")
        position = end


def _end_of_block(text: str, start: int) -> int:
    depth = 0
    for edge in _BLOCK_EDGE.finditer(text, start):
        depth += 1 if edge.group() == "/*" else -1
        if depth == 0:
            return edge.end()
    return -1


def _end_of_dollar_string(text: str, start: int, tag: str) -> int:
    end = text.find(tag, start)
    return -1 if end < 0 else end + len(tag)
