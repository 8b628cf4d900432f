"""Whether contestants give the same data: as values, whatever their spelling of instants and cursors."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import orjson

from bench.contest.documents import OPENER
from bench.contest.load import BadAnswer, ask
from bench.contest.not_measured import NotMeasured

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.contest.contestants import Running
    from bench.contest.documents import Document

SAMPLES = 5
"""How many answers of each document are compared."""
_INSTANT = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d.*")
# What each contestant makes up for itself: its cursors, and in an answer to a mutation the new id.
_OWN = {"endCursor"}


async def answered(running: Running, document: Document, number: int, name: str = "") -> bytes:
    """Return the answer to a document, or to another one by the same values. Raises NotMeasured."""
    try:
        return await ask(running.port, running.request(document, number, name))
    except (BadAnswer, TimeoutError, OSError) as exc:  # the last one: it has ended meanwhile
        why = str(exc) or "none within a minute"
        raise NotMeasured(f"its answer to {name or document.name} isn't the data: {why}") from exc


async def answers(running: Running, document: Document) -> list[object]:
    """Return the first answers to a document, as values that can be compared. Raises NotMeasured."""
    own = _OWN | {"task.id"} if document.is_mutation else _OWN
    found = []
    for number in range(SAMPLES):
        body = await answered(running, document, number)
        data = running.contestant.plain(orjson.loads(body)["data"])
        found.append(comparable(data, own))
    return found


async def opened(running: Running, document: Document) -> Document:
    """Return the document as this one is asked it: with its own cursors, where it takes cursors. Raises NotMeasured."""
    if not document.is_opened_first:
        return document
    cursors = []
    for number in range(len(document.values)):
        body = await answered(running, document, number, OPENER)
        timeline = orjson.loads(body)["data"]["timeline"]
        if timeline is None:
            raise NotMeasured(f"its answer to {OPENER} has no timeline")
        cursors.append(timeline["pageInfo"]["endCursor"])
    return document.opened(cursors)


def check(document: Document, expected: Sequence[object], found: Sequence[object]) -> None:
    """Compare a contestant's answers with the first one's. Raises NotMeasured and names the first difference."""
    for number, (one, other) in enumerate(zip(expected, found, strict=True)):
        if difference := _difference(one, other, f"{document.name}[{number}]"):
            raise NotMeasured(f"its data differ: {difference}")


def comparable(value: object, own: set[str], path: str = "") -> object:
    """Return a value with instants as such, and with what is a contestant's own only as there or not."""
    match value:
        case dict():
            return {name: comparable(part, own, f"{path.rpartition('.')[2]}.{name}") for name, part in value.items()}
        case list():
            return [comparable(part, own, path) for part in value]
        case str() if path in own or path.rpartition(".")[2] in own:
            return bool(value)
        case str() if _INSTANT.fullmatch(value):
            return datetime.fromisoformat(value).astimezone(UTC)
    return value


def _difference(one: object, other: object, path: str) -> str:
    """Name the first place where two values differ; empty when they don't."""
    match one, other:
        case dict(), dict() if one.keys() == other.keys():
            parts = ((one[name], other[name], f"{path}.{name}") for name in one)
        case list(), list() if len(one) == len(other):
            parts = ((a, b, f"{path}[{number}]") for number, (a, b) in enumerate(zip(one, other, strict=True)))
        case _:
            return "" if one == other else f"{path} is {_short(other)}, not {_short(one)}"
    return next((found for part in parts if (found := _difference(*part))), "")


def _short(value: object) -> str:
    match value:
        case dict():
            return f"an object with {', '.join(value)}"
        case list():
            return f"a list of {len(value)}"
    return repr(value)[:80]
