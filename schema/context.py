"""What every field can reach: who asks, the database session of this operation, and its dataloaders."""

from __future__ import annotations

from dataclasses import dataclass, field

import strawberry

from db.sessions import Session
from resolvers.loaders import Loaders
from resolvers.viewers import Viewer


@dataclass(slots=True)
class Context:
    """One operation's context."""

    viewer: Viewer
    session: Session
    loaders: Loaders = field(init=False)

    def __post_init__(self) -> None:
        self.loaders = Loaders(self.session)


Info = strawberry.Info[Context, None]
