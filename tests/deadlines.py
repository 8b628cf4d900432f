"""Waiting in tests: for what must come, and never longer than it may take."""

import time
from collections.abc import Callable
from typing import TypeVar

Held = TypeVar("Held")

# Longer than anything takes beside seven other tests on two cores; only a test that fails waits for so long.
DEADLINE_S = 120


def eventually(holds: Callable[[], Held], *, seconds: float = DEADLINE_S) -> Held:
    """Return what it says as soon as it holds, or what it says when the time is up."""
    deadline = time.monotonic() + seconds
    while not (held := holds()) and time.monotonic() < deadline:
        time.sleep(0.01)
    return held
