"""A migration file as statements, each of which is sent by itself, and a hash of what they say."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field

from errors import MigrationFileUnusable
from migrations.runner.lexer import Kind, Token, tokens

# A heading between statements, "-- == Indexes ==", names the step for the progress line.
_HEADING = re.compile(r"-- == (.+?) ==")
_ON_ERROR_STOP = re.compile(r"\\set\s+ON_ERROR_STOP\s+(?:on|1|true)\s*")
_ECHO = re.compile(r"\\echo(?:\s+(?P<words>.*))?")
_ROUTINE = re.compile(r"create(?: or replace)? (?:function|procedure)")


@dataclass(frozen=True, slots=True)
class Statement:
    r"""One statement without its semicolon, or the words of an `\echo`."""

    text: str
    line: int
    step: str
    is_echo: bool = False


@dataclass(slots=True)
class _Open:
    """The statement that is being read."""

    parts: list[str] = field(default_factory=list)
    line: int = 0
    parentheses: int = 0
    words: list[str] = field(default_factory=list)
    bodies: int = 0
    """How many BEGIN and CASE of a routine's SQL-standard body are open; no semicolon in there ends the statement."""

    def add(self, token: Token) -> None:
        self.line = self.line or token.line
        self.parts.append(token.text)
        if token.text == "(":
            self.parentheses += 1
        elif token.text == ")":
            self.parentheses = max(0, self.parentheses - 1)
        elif token.kind is Kind.WORD:
            self._see(token.text.lower())

    def _see(self, word: str) -> None:
        if len(self.words) < 4:
            self.words.append(word)
        if self.parentheses or not _ROUTINE.match(" ".join(self.words)):
            return
        if word == "begin" or (word == "case" and self.bodies):
            self.bodies += 1
        elif word == "end" and self.bodies:
            self.bodies -= 1


def split(text: str) -> list[Statement]:
    r"""Return the statements in order.

    Of psql's meta-commands, `\set ON_ERROR_STOP on` (which the runner does anyway) and `\echo` are understood. All
    others, COPY FROM STDIN and psql variables raise MigrationFileUnusable, as do strings and comments without an end.
    """
    found: list[Statement] = []
    step, current = "", _Open()
    for token in tokens(text.removeprefix("\ufeff")):
        if token.kind is Kind.META_COMMAND:
            if current.parts:
                raise _refusal(token, "stands inside a statement")
            found += _meta_command(token, step)
        elif token.text == ";" and not current.parentheses and not current.bodies:
            found += _closed(current, step)
            current = _Open()
        elif not current.parts and (token.kind is Kind.SPACE or token.kind is Kind.COMMENT):
            if heading := _HEADING.match(token.text):
                step = heading.group(1)
        elif token.kind is Kind.VARIABLE:
            raise _refusal(token, "begins a psql variable; use a setting (SET, or PGOPTIONS) instead")
        else:
            current.add(token)
    return found + _closed(current, step)


def _closed(statement: _Open, step: str) -> list[Statement]:
    text = "".join(statement.parts).rstrip()
    if not text:
        return []
    if re.match(r"copy\b.*\bfrom\s+stdin\b", text, re.IGNORECASE | re.DOTALL):
        raise MigrationFileUnusable(
            f"Line {statement.line}: COPY FROM STDIN needs psql. Use INSERT; nothing of the file was run."
        )
    return [Statement(text, statement.line, step)]


def _meta_command(token: Token, step: str) -> list[Statement]:
    if echo := _ECHO.fullmatch(token.text.rstrip()):
        words = (echo["words"] or "").strip()
        return [Statement(words.removeprefix("'").removesuffix("'"), token.line, step, is_echo=True)]
    if _ON_ERROR_STOP.fullmatch(token.text):
        return []
    raise _refusal(token, "is not understood by the runner; use psql for this file, or take the line out")


def _refusal(token: Token, why: str) -> MigrationFileUnusable:
    return MigrationFileUnusable(f"Line {token.line}: {token.text.strip()} {why}. Nothing of the file was run.")


def hash_of(text: str) -> str:
    """Return the SHA-256 of the text, in hex; comments and the amount of white space don't count, in bodies neither."""
    return hashlib.sha256(_essence(text.removeprefix("\ufeff")).encode()).hexdigest()


def _essence(text: str) -> str:
    parts: list[str] = []
    for token in tokens(text):
        if token.kind is Kind.SPACE or token.kind is Kind.COMMENT:
            if parts and parts[-1] != " ":
                parts.append(" ")
        elif token.kind is Kind.DOLLAR_STRING:
            tag = token.text[: token.text.index("$", 1) + 1]
            parts += [tag, _essence_of_body(token.text[len(tag) : -len(tag)]), tag]
        else:
            parts.append(token.text)
    return "".join(parts).strip()


def _essence_of_body(body: str) -> str:
    try:
        return _essence(body)
    except MigrationFileUnusable:
        return body  # not SQL: every character counts
