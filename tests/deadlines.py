"""Waiting in tests: for what must come, and never longer than it may take."""

import time
from collections.abc import Callable

# Longer than anything takes beside seven other tests on two cores; only a test that fails waits for so long.
DEADLINE_S = 120


def eventually(holds: Callable[[], bool], *, seconds: float = DEADLINE_S) -> bool:
    """Return True as soon as it holds, or False when it doesn't in the time given."""
    deadline = time.monotonic() + seconds
    while not (held := holds()) and time.monotonic() < deadline:
        time.sleep(0.01)
    return held
