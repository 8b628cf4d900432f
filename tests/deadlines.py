"""Waiting in tests: for what must come, and never longer than it may take."""

import time
from collections.abc import Callable


def eventually(holds: Callable[[], bool], *, seconds: float = 20) -> bool:
    """Return True as soon as it holds, or False when it doesn't in the time given."""
    deadline = time.monotonic() + seconds
    while not (held := holds()) and time.monotonic() < deadline:
        time.sleep(0.01)
    return held
