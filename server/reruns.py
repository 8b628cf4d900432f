"""An operation whose connection to the database broke is run again, unless that could do something twice."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, TypeVar

from errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from db.sessions import Session

log = logging.getLogger(__name__)

Done = TypeVar("Done")

MOST_RERUNS = 2
"""One connection that breaks costs one; the next one may have broken at the same time, as when the server restarts."""


async def whole(session: Session, run: Callable[[Session], Awaitable[Done]]) -> Done:
    """Run an operation in a session, and again in a new one when its connection broke and that does nothing twice.

    So it is with what only reads, with a change that was certainly not committed, and with one under an idempotency
    key; the session knows (`db/sessions.py`). The failure may be raised, or told in what `run` returns.
    """
    while True:
        try:
            async with session:
                done = await run(session)
        except Unavailable:
            if not session.is_to_rerun:
                raise
        else:
            if not session.is_to_rerun:
                return done
        session = again(session)


def again(session: Session) -> Session:
    """Return the session for another run of an operation whose connection broke."""
    log.info("run again, for the connection to the database broke: request_id=%s", session.request_id)
    return session.again()
