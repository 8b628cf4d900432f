"""Rehearsals for tests: short, as processes of their own, in folders of their own."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.demos import taskline


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """How a rehearsal ended."""

    code: int
    output: str
    errors: str
    temporary: Path

    @property
    def document(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.output)
        return found

    @property
    def message(self) -> str:
        """The last thing said on standard error, by us."""
        return self.errors[self.errors.index("taskline: ") :]

    @property
    def is_cleared_away(self) -> bool:
        return [] == list(self.temporary.iterdir())


def rehearse(folder: Path, *arguments: str, url: str | None = None, **more: str) -> Rehearsed:
    """Rehearse the migrations of the database of `url`, as `MIGRATION_DATABASE_URL`; half a second of quiet."""
    temporary = folder / "temporary"
    temporary.mkdir(exist_ok=True)
    named = {"MIGRATION_DATABASE_URL": url} if url else {}
    done = taskline(
        folder, "migrate", "rehearse", "--baseline", "0.5", *arguments, TMPDIR=str(temporary), **named, **more
    )
    return Rehearsed(done.returncode, done.stdout, done.stderr, temporary)
