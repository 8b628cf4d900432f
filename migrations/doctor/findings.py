"""What a look at a database finds."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class Severity(StrEnum):
    """How much it matters."""

    ERROR = "error"
    """The API fails, or answers wrongly."""
    WARNING = "warning"
    """It will, or other programs do."""
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing, its place as table.column or the like, and how to cure it.

    `count` and up to 3 `samples`, ids of rows, are there for what is found in rows. The remedy is a statement or a
    command, ready to type.
    """

    severity: Severity
    place: str
    words: str
    remedy: str
    count: int | None = None
    samples: list[str] = field(default_factory=list)
