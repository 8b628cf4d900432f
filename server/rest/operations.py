"""What an operation is: a method and a path, what it takes, what it answers, and the function that does it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from execution.guards import Measured
from resolvers.idempotency import Intention
from server.rest.inputs import Input, Nothing

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import datetime

    from _typeshed import DataclassInstance

    from db.sessions import Session
    from resolvers.viewers import Viewer

Parameters = TypeVar("Parameters", bound=Input)
Body = TypeVar("Body", bound=Input)

# How each operation can be refused, whatever it does.
REFUSALS_OF_ALL = (400, 401, 403, 404, 429, 500, 503)


@dataclass(frozen=True, slots=True)
class Call(Generic[Parameters, Body]):
    """One request, checked: who asks for what."""

    session: Session
    viewer: Viewer
    now: datetime
    parameters: Parameters
    body: Body
    expected_version: str | None = None
    idempotency_key: str | None = None
    idempotency_hours: int = 0

    def intention(self, operation: str, given: object) -> Intention | None:
        """Return what the caller means to do once; None without a key. The operation has the name that GraphQL has."""
        if self.idempotency_key is None:
            return None
        return Intention.of(operation, self.idempotency_key, given, hours=self.idempotency_hours)


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation(Generic[Parameters, Body]):
    """A method on a path below /api. Parameters that the path names come from it, the others from the query string."""

    method: str
    path: str
    name: str
    summary: str
    parameters: type[Parameters]
    body: type[Body] = Nothing  # type: ignore[assignment]  # so is the type of its default
    answer: type[DataclassInstance]
    status: int = 200
    is_conditional: bool = False
    """Whether it heeds If-Match."""
    is_keyed: bool = False
    """Whether it heeds Idempotency-Key."""
    run: Callable[[Call[Parameters, Body]], Awaitable[DataclassInstance]]

    @property
    def measured(self) -> Measured:
        """What the logs have of it, as of an operation of GraphQL."""
        return Measured(self.name, "query" if self.method == "GET" else "mutation", (self.name,), None)

    @property
    def path_names(self) -> list[str]:
        """The names of the parameters in the path, in its order."""
        return re.findall(r"{(\w+)}", self.path)

    @property
    def refusals(self) -> list[int]:
        """The statuses of possible refusals."""
        more = {
            *((412,) if self.is_conditional else ()),
            *((422,) if self.is_keyed else ()),
            *((408, 413, 415) if self.body is not Nothing else ()),
        }
        return sorted({*REFUSALS_OF_ALL, *more})


AnyOperation = Operation[Any, Any]
