"""What a database has of the migrations: by its catalogue first, and what the ledger adds to that."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from errors import MigrationMissing
from migrations.runner import files, ledger
from migrations.runner.apply import check_role
from migrations.runner.catalogue import Check, is_in_place, readiness
from migrations.runner.connections import place
from migrations.runner.sessions import Say, reading

if TYPE_CHECKING:
    from migrations.runner.ledger import Entry

_TIME = "%Y-%m-%d %H:%M %Z"


@dataclass(frozen=True, slots=True)
class Standing:
    """One migration in one database."""

    version: int
    file: str
    is_in_place: bool
    entry: Entry | None
    is_changed: bool
    """The file is not the one that ran here."""
    has_failed: bool
    """Its last run failed, so its catalogue alone proves nothing."""

    @property
    def words(self) -> str:
        """The standing in words."""
        if self.has_failed:
            return f"its last run failed{self._but}: run ./taskline migrate up"
        if not self.is_in_place:
            return "recorded, but not in place: run ./taskline migrate up" if self.entry else "not in place"
        if not self.entry:
            return "in place, not recorded"
        changed = "; the file has changed since" if self.is_changed else ""
        return f"in place, {self.entry.outcome} {self.entry.started_at:{_TIME}}{changed}"

    @property
    def _but(self) -> str:
        return ", though its catalogue is right" if self.is_in_place else ", and it is not in place"


async def standings(url: str, say: Say) -> list[Standing]:
    """Return every migration's standing, in order. Reads only. Raises as `apply.up` does when it can't connect."""
    async with reading(url, say) as connection:
        checks = await readiness(connection)
        recorded, failed = await ledger.latest(connection), await ledger.failed(connection)
    found = []
    for file in files.forward():
        entry = recorded.get(file.version)
        is_changed = entry is not None and entry.hash != file.hash
        is_there, has_failed = bool(is_in_place(checks, file.version)), file.name in failed
        found.append(Standing(file.version, file.name, is_there, entry, is_changed, has_failed))
    return found


async def checked(url: str, say: Say, *, api_role: str | None = None) -> list[Check]:
    """Return the checks, and for each file whose last run failed one that isn't met. Reads only.

    Rights are those of `api_role`, else of whoever asks. Raises as above, and MigrationRefused for a role that isn't
    there or that row security doesn't bind.
    """
    async with reading(url, say, api_role=api_role) as connection:
        if api_role:
            await check_role(connection, api_role)
        checks = await readiness(connection)
        failed = await ledger.failed(connection)
    return checks + [
        Check(f"{file.version:03}.last_run", is_met=False, detail=f"that it failed on {failed[file.name]:{_TIME}}")
        for file in files.forward()
        if file.name in failed
    ]


async def verify(url: str, say: Say) -> list[Check]:
    """Return the checks, all of them met. Reads only. Raises MigrationMissing with each that isn't, or as above."""
    checks = await checked(url, say)
    refuse_misses(checks, place(url))
    return checks


def refuse_misses(checks: list[Check], where: str) -> None:
    """Raise MigrationMissing with each check that isn't met."""
    misses = [f"  - {check.name}: found {check.detail}" for check in checks if not check.is_met]
    if misses:
        raise MigrationMissing(
            f"{where} is not what the migrations make:\n" + "\n".join(misses) + "\nRun ./taskline migrate up."
        )
