"""What every field can reach: who asks, the database session of this operation, and its dataloaders."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID

import strawberry

from db.sessions import Session
from errors import LimitExceeded
from execution.foresight import UNFORESEEN, Foreseen
from execution.guards import Measured
from resolvers.idempotency import Intention
from resolvers.live_events import Live
from resolvers.loaders import Loaders
from resolvers.task_rules import LONGEST_MUTATION_ID
from resolvers.viewers import Viewer

MOST_AHEAD = 64
"""For how many events at most something is read at once."""
FRESH_S = 0.1
"""How old what is read for several events may be when it is told, and how long its connection is held for the next."""


@dataclass(slots=True)
class Context:
    """One operation's context."""

    viewer: Viewer
    session: Session
    idempotency_hours: int
    """How long an idempotency key is kept."""
    live: Live | None = None
    """What it takes to follow events; only an operation on a socket has it."""
    measured: Measured | None = None
    """What the operation is; known once its document has been measured."""
    by_plan: int = field(init=False, default=0)
    """How many root fields plans have answered."""
    waited_s: float = field(init=False, default=0.0)
    """How long it waited for its turn."""
    now: datetime = field(init=False)
    """When the operation began: the same now for all its fields, so that what they say agrees."""
    loaders: Loaders = field(init=False)
    _foreseen: dict[str, Foreseen] = field(init=False, default_factory=dict)
    _ahead: int = field(init=False, default=0)
    """Of how many events it was begun for, one after the other."""
    _left: int = field(init=False, default=0)
    """How many of them are still to be told."""

    def __post_init__(self) -> None:
        self._begin()

    async def renew(self, coming: Sequence[UUID]) -> None:
        """Begin anew for the next event of a subscription, and for some of those that come after it.

        `coming` are the interactions of all of them. What was read for the last event serves for this one when it was
        read for both, a moment ago. So of many events that come at once each needs no statements of its own; and who
        takes each slowly has each read alone.
        """
        if self.is_shared and self.session.age_s < FRESH_S:
            self._left -= 1
            return
        await self.session.close()
        told = self._ahead - self._left
        self._ahead = min(len(coming), max(1, told if self._left else 2 * told))
        self._left = self._ahead - 1
        if self.live:
            self.session = self.live.session()
        self._begin(coming[: self._ahead])

    @property
    def whose(self) -> Hashable:
        """Who asks, to tell people apart."""
        return self.viewer.user_id

    @property
    def is_shared(self) -> bool:
        """Whether the session is to serve for the next event, too, and so isn't closed before this one is sent."""
        return self._left > 0 and not self.session.is_lost

    def foresee(self, field: str, foreseen: Foreseen) -> None:
        """Note what will be asked of what a root field shows, by its name in the answer."""
        self._foreseen[field] = foreseen

    def foreseen(self, info: Info) -> Foreseen:
        """Return what was noted for the root field that is run."""
        return self._foreseen.get(str(info.path.key), UNFORESEEN)

    def give_up(self) -> None:
        """Let all fields that wait for the database fail at once: nobody waits for the answer any more."""
        self.session.give_up()

    def _begin(self, together: Sequence[UUID] = ()) -> None:
        self.now = datetime.now(UTC)
        self.loaders = Loaders(self.session, together)

    def intention(self, operation: str, key: str | None, given: object) -> Intention | None:
        """Return what the caller means to do once; None without a key. `given` is the input as plain data."""
        if not isinstance(key, str):
            return None
        return Intention.of(operation, key, given, hours=self.idempotency_hours)

    def change(self, client_mutation_id: str | None) -> Session:
        """Return the session for a change that comes with this text of the caller, which the log keeps.

        Raises as `own_text` does.
        """
        self.session.client_mutation_id = self.own_text(client_mutation_id)
        return self.session

    def own_text(self, client_mutation_id: str | None) -> str | None:
        """Return the text as the log takes it. Raises LimitExceeded for a longer one than it keeps."""
        if client_mutation_id and len(client_mutation_id) > LONGEST_MUTATION_ID:
            length = f"{len(client_mutation_id):,} characters"
            raise LimitExceeded(f"clientMutationId has {length}. Give at most {LONGEST_MUTATION_ID}.")
        return client_mutation_id or None


Info = strawberry.Info[Context, None]
