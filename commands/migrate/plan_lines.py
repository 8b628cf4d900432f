"""A plan in words."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from migrations.plan.plans import FilePlan, Plan
    from migrations.plan.steps import Step
    from migrations.plan.surroundings import Surroundings, Table, Transaction

UNITS = ("bytes", "kB", "MB", "GB", "TB")


def lines_of(plan: Plan) -> Iterator[str]:
    """Yield the plan's lines: each file with its steps, then what surrounds them, then what wasn't looked at."""
    for file in plan.files:
        yield from _of_file(file)
    yield from _of_surroundings(plan.surroundings)
    for gap in plan.gaps:
        yield f"⚠️ not looked at: {gap}"
    if not plan.refusals:
        yield "up would go." if any(file.will_run for file in plan.files) else "up would find nothing to do."


def _of_file(file: FilePlan) -> Iterator[str]:
    yield f"{file.file}: {file.words}"
    for step in file.steps if file.will_run else []:
        yield from _of_step(step)
    for line in file.tried:
        yield f"  {line}"


def _of_step(step: Step) -> Iterator[str]:
    if step.state == "done":
        yield f"  done         {step.name}"
        return
    against = f"; expected {step.expected}" if step.expected else ""
    yield f"  {step.state:<12} {step.name}: found {step.found}{against}"
    for lock in step.locks:
        yield f"                 {lock}"


def _of_surroundings(around: Surroundings) -> Iterator[str]:
    for table in around.tables:
        yield _of_table(table)
    for transaction in around.transactions:
        yield _of_transaction(transaction)
    if around.hidden_sessions:
        yield (
            f"⚠️ {around.hidden_sessions} sessions of others, whose transactions this user can't see: "
            "grant it pg_read_all_stats"
        )
    for prepared in around.prepared_transactions:
        yield (
            f"⚠️ prepared transaction {prepared.name} of {prepared.user}, {_age(prepared.age_seconds)} old: index "
            "builds wait for its COMMIT PREPARED or ROLLBACK PREPARED"
        )
    for objection in around.objections:
        yield f"ℹ️ {objection.kind} {objection.name}: {objection.words}"


def _of_table(table: Table) -> str:
    rows = "never analyzed" if table.estimated_rows is None else f"about {table.estimated_rows:,} rows"
    return f"ℹ️ {table.name}: {rows}, {_size(table.table_bytes)} and {_size(table.index_bytes)} of indexes"


def _of_transaction(found: Transaction) -> str:
    age = "of unknown age" if found.age_seconds is None else f"open for {_age(found.age_seconds)}"
    who = f"{found.user}, {found.application or 'no application name'}"
    locks = f"; holds {found.locks}" if found.locks else ""
    query = f"; {found.query}" if found.query else ""
    return f"⚠️ transaction of process {found.pid} ({who}, {found.state or 'state hidden'}) {age}{locks}{query}"


def _age(seconds: float) -> str:
    return str(timedelta(seconds=round(seconds)))


def _size(size: float) -> str:
    for unit in UNITS[:-1]:
        if size < 1_024:
            return f"{size:.0f} {unit}"
        size /= 1_024
    return f"{size:.0f} {UNITS[-1]}"
