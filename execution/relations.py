"""Relations: declared once, they are a field of Strawberry's, a dataloader's question, and one batch of a plan."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import strawberry

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Hashable, Mapping

RELATION = "taskline.relation"
"""The name in a field's metadata by which a plan finds its relation."""


class Loader(Protocol):
    """A dataloader: loads what belongs to a key, once in an operation, together with what others ask for."""

    def load(self, key: Any, /) -> Awaitable[Any]:
        """Return what will be the row, or None."""

    def load_many(self, keys: Collection[Any], /) -> Mapping[Any, Any] | Awaitable[Mapping[Any, Any]]:
        """Return `{key: row}`, at once where all is there; keys without a row are absent or None."""


@dataclass(frozen=True, slots=True)
class Relation:
    """How to get from an object to at most one other."""

    key_of: Callable[[Any], Hashable | None]
    """What the object is linked to; None where there is no link."""
    loader_of: Callable[[Any], Loader]
    """The loader in an operation's context."""
    shown: Callable[[Any], Any]
    """What the field says of a row, and of None."""


def relation(
    key_of: Callable[[Any], Hashable | None],
    loader_of: Callable[[Any], Loader],
    shown: Callable[[Any], Any],
    *,
    description: str,
) -> Any:
    """Return the field of a relation, for a Strawberry type."""
    to = Relation(key_of, loader_of, shown)

    async def resolve(root: strawberry.Parent[Any], info: strawberry.Info) -> Any:
        key = to.key_of(root)
        return to.shown(None if key is None else await to.loader_of(info.context).load(key))

    return strawberry.field(resolver=resolve, description=description, metadata={RELATION: to})
