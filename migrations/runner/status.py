"""What a database has of the migrations: by its catalogue first, and what the ledger adds to that."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from errors import MigrationMissing
from migrations.runner import files, ledger
from migrations.runner.catalogue import Check, is_in_place, readiness
from migrations.runner.connections import place
from migrations.runner.sessions import Say, reading

if TYPE_CHECKING:
    from migrations.runner.ledger import Entry


@dataclass(frozen=True, slots=True)
class Standing:
    """One migration in one database."""

    version: int
    file: str
    is_in_place: bool
    entry: Entry | None
    is_changed: bool
    """The file is not the one that ran here."""

    @property
    def words(self) -> str:
        """The standing in words."""
        if not self.is_in_place:
            return "recorded, but not in place: run ./taskline migrate up" if self.entry else "not in place"
        if not self.entry:
            return "in place, not recorded"
        changed = "; the file has changed since" if self.is_changed else ""
        return f"in place, {self.entry.outcome} {self.entry.started_at:%Y-%m-%d %H:%M %Z}{changed}"


async def standings(url: str, say: Say) -> list[Standing]:
    """Return every migration's standing, in order. Reads only. Raises as `apply.up` does when it can't connect."""
    async with reading(url, say) as connection:
        checks = await readiness(connection)
        recorded = await ledger.latest(connection)
    found = []
    for file in files.forward():
        entry = recorded.get(file.version)
        is_changed = entry is not None and entry.hash != file.hash
        found.append(Standing(file.version, file.name, bool(is_in_place(checks, file.version)), entry, is_changed))
    return found


async def verify(url: str, say: Say) -> list[Check]:
    """Return the checks, all of them met. Reads only. Raises MigrationMissing with each that isn't, or as above."""
    async with reading(url, say) as connection:
        checks = await readiness(connection)
    misses = [f"  - {check.name}: found {check.detail}" for check in checks if not check.is_met]
    if misses:
        raise MigrationMissing(
            f"{place(url)} is not what the migrations make:\n" + "\n".join(misses) + "\nRun ./taskline migrate up."
        )
    return checks
