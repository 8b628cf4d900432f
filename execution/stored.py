"""Stored fields: what a field shows of the row behind an object, made only when it is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import strawberry

if TYPE_CHECKING:
    from collections.abc import Callable

STORED = "taskline.stored"
"""The name in a field's metadata by which a plan finds its function."""


def stored(shown: Callable[[Any], Any], *, description: str) -> Any:
    """Return the field that shows what a function makes of an object, for a Strawberry type. A plan calls it alone."""

    def resolve(root: strawberry.Parent[Any]) -> Any:
        return shown(root)

    return strawberry.field(resolver=resolve, description=description, metadata={STORED: shown})
