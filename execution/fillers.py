"""Fillers: functions made for one document, which fill in what it asks of an object name by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


def filler(keys: Sequence[str]) -> Callable[..., None]:
    """Return what puts values, one for each key, into an answer: `answer['id'] = v0; answer['subject'] = v1 …`.

    It takes half the time of `answer.update(zip(keys, values))`, which is a sixth of what a page of 200 tasks takes.
    The keys are a client's words; as literals, they are nothing else to Python.
    """
    values = ", ".join(f"v{number}" for number in range(len(keys)))
    lines = "".join(f"\n  answer[{key!r}] = v{number}" for number, key in enumerate(keys))
    made: dict[str, object] = {}
    exec(f"def fill(answer, {values}):{lines or ' pass'}", made)  # noqa: S102 - of numbers and literals alone
    return cast("Callable[..., None]", made["fill"])
