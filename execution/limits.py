"""The bounds of one GraphQL operation."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of a document and of what it asks for. The defaults leave room above what people write."""

    characters: int = 100_000
    tokens: int = 2_500
    """Words, signs and comments."""
    nesting: int = 100
    """Brackets within brackets in the text; selections within selections with fragments expanded."""
    directives: int = 50
    digits: int = 100
    """Of one number. A double written out has about 20; Python's own conversion fails at 4,300."""
    depth: int = 12
    introspection_depth: int = 20
    """Below `__schema` and `__type`, where the standard introspection query has 15."""
    aliases: int = 30
    points: int = 20_000
    page_default: int = 50
    page_max: int = 200
    """No page is longer, so a larger `first` counts as this and is left to its field to refuse."""
    kept_bytes: int = 15_000_000
    """Of all documents kept parsed, in memory; ordinary ones take some 100,000."""
