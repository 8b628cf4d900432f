"""`./taskline migrate doctor`: what in a database will hurt the API."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import click

from commands.migrate.output import with_output
from commands.migrate.targets import target, with_target
from commands.migrate.values import LONGEST_NAME_BYTES, Text
from errors import DatabaseAiling
from migrations.doctor import diagnoses

if TYPE_CHECKING:
    from collections.abc import Iterator

    from commands.migrate.output import Output
    from migrations.doctor.diagnoses import Diagnosis
    from migrations.doctor.findings import Finding

SIGNS = {"error": "❌", "warning": "⚠️", "note": "ℹ️"}


@click.command(epilog="Example: ./taskline migrate doctor --env production")
@with_target
@click.option("--api-role", type=Text(LONGEST_NAME_BYTES), help="The API's database role, if it isn't taskline_api.")
@with_output
def command(output: Output, environment: str | None, url: str | None, *, api_role: str | None) -> None:
    """Examine a database: what will hurt the API, and how to cure it. Changes nothing.

    Exit code 19 if something makes the API fail or answer wrongly.
    """
    found = asyncio.run(diagnoses.diagnosis(target(environment, url).url, api_role=api_role))
    output.show({"diagnosis": found, "is_ailing": found.is_ailing}, _lines(found))
    if found.is_ailing:
        errors = sum(finding.severity == "error" for finding in found.findings)
        what = "1 finding makes" if errors == 1 else f"{errors} findings make"
        raise DatabaseAiling(f"{what} the API fail or answer wrongly. Type the remedies, and examine it again.")


def _lines(found: Diagnosis) -> Iterator[str]:
    for finding in found.findings:
        yield f"{SIGNS[finding.severity]} {finding.place}: {_amount(finding)}{finding.words}"
        yield f"   {finding.remedy}"
    for gap in found.gaps:
        yield f"⚠️ not looked at: {gap}"
    if not found.findings:
        yield "✅ nothing found"


def _amount(finding: Finding) -> str:
    if finding.count is None:
        return ""
    rows = "1 row" if finding.count == 1 else f"{finding.count} rows"
    return f"in {rows}, {', '.join(finding.samples)}{' …' if finding.count > len(finding.samples) else ''}: "
