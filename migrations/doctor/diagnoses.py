"""What in a database will hurt the API: looked for in the catalogue, in rows and in the ledger, and never changed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg

from migrations.doctor.findings import Finding, Severity
from migrations.doctor.row_scans import row_findings
from migrations.runner import files, ledger
from migrations.runner.apply import API_ROLE
from migrations.runner.catalogue import is_in_place, readiness
from migrations.runner.connections import LOST, words_of
from migrations.runner.pending import BASELINE
from migrations.runner.sessions import reading

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from migrations.runner.catalogue import Check

CATALOGUE = Path(__file__).with_name("catalogue_checks.sql")
# row_security: an error rather than rows that are silently left out.
_SETTINGS = """
SELECT set_config('statement_timeout', '120s', true), set_config('lock_timeout', '5s', true),
       set_config('row_security', 'off', true), set_config('taskline.api_role', $1, true)
"""
# Whoever put it there may rename it, and so may a superuser; what it holds stays to be looked at.
_SET_ASIDE = "ALTER TABLE taskline_migrations RENAME TO taskline_migrations_distrusted;"
_ROLE = "SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1)"
# The words of readiness.sql, which alone knows what rights a database's own triggers need. A test takes all rights away
# and compares what is found.
_GRANT = re.compile(r"as (?:the owner|a superuser): (GRANT .* TO )NAME;")


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What was found, the worst first; `gaps` says what could not be looked at, and why."""

    findings: list[Finding]
    gaps: list[str]

    @property
    def is_ailing(self) -> bool:
        """Whether the API fails or answers wrongly."""
        return any(finding.severity is Severity.ERROR for finding in self.findings)


async def diagnosis(url: str, *, api_role: str | None = None) -> Diagnosis:
    """Examine a database, for the role with which the API signs in: `api_role`, else taskline_api where there is one.

    Reads only, in one snapshot; no statement may take longer than 2 minutes. Raises MigrationTargetUnknown,
    MigrationServerUnreachable or MigrationSignInRefused.
    """
    found: list[Finding] = []
    gaps: list[str] = []
    async with reading(url, lambda _: None) as connection:
        role = api_role or (API_ROLE if await connection.fetchval(_ROLE, API_ROLE) else "")
        await connection.fetchrow(_SETTINGS, role)
        if not role:
            gaps.append("the API's role: which one is it? Add --api-role NAME")
        for subject, look in (("the catalogue", _catalogue), ("the migrations", _migrations), ("the ledger", _ledger)):
            found += await _careful(connection, gaps, subject, look, role)
        rows, more = await row_findings(connection)
    order = list(Severity)
    return Diagnosis(sorted([*found, *rows], key=lambda one: order.index(one.severity)), gaps + more)


async def _careful(
    connection: asyncpg.Connection,
    gaps: list[str],
    subject: str,
    look: Callable[[asyncpg.Connection, str], Awaitable[list[Finding]]],
    role: str,
) -> list[Finding]:
    """Look at one subject; what the server refuses, or what takes too long, becomes a gap."""
    try:
        async with connection.transaction():
            return await look(connection, role)
    except LOST:
        raise
    except asyncpg.PostgresError as exc:
        gaps.append(f"{subject}: {words_of(exc)}")
        return []


async def _catalogue(connection: asyncpg.Connection, _: str) -> list[Finding]:
    rows = await connection.fetch(CATALOGUE.read_text(encoding="utf-8"))
    return [Finding(Severity(row["severity"]), row["place"], row["words"], row["remedy"]) for row in rows]


async def _migrations(connection: asyncpg.Connection, role: str) -> list[Finding]:
    """Say which migrations aren't in place; where one is, a right that the API's role lacks is a finding by itself."""
    misses = [check for check in await readiness(connection) if not check.is_met]
    found = []
    for version in sorted({check.migration for check in misses}):
        own = [check for check in misses if check.migration == version]
        if words := _not_in_place(own):  # and what it would grant is missing, too
            found.append(Finding(Severity.ERROR, f"migration {version:03}", words, "./taskline migrate up"))
        else:
            found += [_missing_right(check, role) for check in own]
    return found


def _not_in_place(misses: list[Check]) -> str | None:
    words = [f"{check.name.partition('.')[2]}: {check.detail}" for check in misses if not _GRANT.search(check.detail)]
    return f"not in place: found {'; '.join(words)}" if words else None


def _missing_right(check: Check, role: str) -> Finding:
    grant = _GRANT.search(check.detail)
    quoted = role.replace('"', '""')
    remedy = f'{grant[1]}"{quoted}";' if grant and role else "./taskline migrate up --api-role NAME"
    words = f"the API's role has {check.detail.partition(';')[0]}"
    return Finding(Severity.ERROR, check.name.partition("rights_on_")[2], words, remedy)


async def _ledger(connection: asyncpg.Connection, _: str) -> list[Finding]:
    if why := await ledger.distrust(connection):
        words = f"{why}. No migration runs until a superuser, or its owner, has set it aside"
        return [Finding(Severity.WARNING, "taskline_migrations", words, _SET_ASIDE)]
    checks = await readiness(connection)
    recorded = await ledger.latest(connection)
    found = []
    for file in files.forward():
        is_there, entry = is_in_place(checks, file.version), recorded.get(file.version)
        place = f"migration {file.version:03}"
        if entry and not is_there:
            words = f"recorded as {entry.outcome} on {entry.started_at:%Y-%m-%d}, but not in place"
            found.append(Finding(Severity.ERROR, place, words, "./taskline migrate up"))
        elif is_there and not entry and file.version != BASELINE:
            found.append(Finding(Severity.NOTE, place, "in place, but not recorded", "./taskline migrate up"))
    return found
