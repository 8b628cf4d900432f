"""The soak says which of its promises was not kept, and nothing when all were."""

from collections.abc import Callable

import pytest

from bench.soak import Found


def kept() -> Found:
    """Return what is seen when each promise is kept by a hair; one of 200 reads may take longer."""
    found = Found(reads=[250.0] * 199 + [900.0], memory=[100 << 20, 164 << 20, 120 << 20])
    found.attacks["brackets"] += [2_000.0, 3.0]
    found.statuses["brackets"] |= {200, 400, 413, 429, 503}
    return found


def slow(found: Found) -> None:
    found.attacks["brackets"].append(2_001.0)


def keeping_others(found: Found) -> None:
    found.reads += [251.0] * 10


def failing_others(found: Found) -> None:
    found.unread.append('{"errors": []}')


def growing(found: Found) -> None:
    found.memory.append(165 << 20)


def broken(found: Found) -> None:
    found.statuses["brackets"].add(500)


def test_promises_that_were_kept_are_not_told() -> None:
    assert [] == kept().misses()


@pytest.mark.parametrize(
    ("breaks", "told"),
    [
        (slow, "an attack was answered after 2,001 ms"),
        (keeping_others, "the reads' 99th percentile is 251 ms"),
        (failing_others, "1 reads failed, as with"),
        (growing, "the server grew by 65 MB"),
        (broken, "attacks were answered with [500]"),
    ],
)
def test_a_promise_that_was_not_kept_is_told(breaks: Callable[[Found], None], told: str) -> None:
    found = kept()
    breaks(found)

    (missed,) = found.misses()

    assert told in missed
