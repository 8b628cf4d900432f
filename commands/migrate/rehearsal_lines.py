"""What a rehearsal found, as a page for people and as a document for programs."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from commands.migrate.output import error

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from migrations.rehearsal.performances import Act, Performance
    from migrations.rehearsal.rehearsals import Rehearsal
    from migrations.rehearsal.stalls import Waits

WIDTH = 120
BARS = "▁▂▃▄▅▆▇█"
CAVEAT = """\
These are this machine's figures, on a server of modest settings. Yours has other disks, other settings and transactions
that last longer: it can take longer there, and wait longer for its turn. What the migrations find in schema and rows is
the same there, as long as nobody changes it meanwhile."""


def lines(rehearsal: Rehearsal) -> Iterator[str]:
    """Yield the page, the conclusion last."""
    seen = rehearsal.performance
    yield from ("", *_heading(rehearsal), "")
    if seen.acts:
        yield from _table([*seen.acts, *seen.back])
        yield from (
            "",
            f"Longest wait over the time, up to {_ms(max(seen.latencies_ms))}:",
            *_bars(seen.latencies_ms),
            "",
        )
    yield from (f"  {line.strip()}" for line in seen.said if line.lstrip().startswith("⚠️"))
    yield from (f"  failed: {error}" for error in seen.whole.errors)
    yield from (*textwrap.wrap(_conclusion(seen), WIDTH), "", CAVEAT)


def document(rehearsal: Rehearsal) -> dict[str, object]:
    """Return the same for programs."""
    origin, seen = rehearsal.origin, rehearsal.performance
    return {
        "database": origin.name,
        "version": origin.version or None,
        "copy_version": rehearsal.copy_version,
        "size_bytes": origin.size_bytes,
        "dump_s": rehearsal.dump_s,
        "restore_s": rehearsal.restore_s,
        "migrated_as": seen.actor,
        "worked_on_as": seen.application,
        "roles_not_copied": rehearsal.strangers,
        "leftovers": rehearsal.leftovers,
        "baseline": seen.quiet,
        "migrations": [_act(act) for act in seen.acts],
        "rollback": [_act(act) for act in seen.back],
        "is_schema_restored": seen.is_restored,
        "duration_ms": _duration_ms(seen.acts),
        "waits": seen.whole,
        "longest_waits_ms": seen.latencies_ms,
        "conclusion": _conclusion(seen),
        "said": seen.said,
        **({"error": error(seen.refusal)} if seen.refusal else {}),
    }


def _act(act: Act) -> dict[str, object]:
    steps = [{"step": span.step, "duration_ms": span.duration_ms, "waits": waits} for span, waits in act.steps]
    return {"file": act.file, "duration_ms": act.duration_ms, "waits": act.waits, "steps": steps}


def _heading(rehearsal: Rehearsal) -> Iterator[str]:
    origin, seen = rehearsal.origin, rehearsal.performance
    version = f"PostgreSQL {origin.version}" if origin.version else "a dump"
    size = f"{max(origin.size_bytes / 1e6, 1):,.0f} MB"
    yield f"{origin.name} ({version}, {size}), copied to PostgreSQL {rehearsal.copy_version}"
    dump = "" if rehearsal.dump_s is None else f"Dump {rehearsal.dump_s:.1f} s. "
    yield f"{dump}Restore {rehearsal.restore_s:.1f} s. Migrated as {seen.actor}, worked on as {seen.application}."
    yield (
        f"Without a migration: {seen.quiet.count:,} statements, longest {_ms(seen.quiet.longest_ms)}, "
        f"{seen.quiet.failed or 'none'} failed."
    )
    if rehearsal.strangers:
        yield f"Roles that the copy's server had already, with rights of their own: {', '.join(rehearsal.strangers)}."
    if not origin.version:
        yield "A dump doesn't say what its roles may do: the owner was let make roles and act as others."


def _table(acts: Sequence[Act]) -> Iterator[str]:
    width = max(len(name) for act in acts for name in (act.file, *(f"  {span.step}" for span, _ in act.steps)))
    yield f"{'':{width}}  {'took':>9}  {'longest wait':>12}  {'statements':>10}  {'failed':>6}"
    for act in acts:
        yield _row(act.file, act.duration_ms, act.waits, width)
        for span, waits in act.steps:
            yield _row(f"  {span.step}", span.duration_ms, waits, width)


def _row(name: str, duration_ms: float, waits: Waits, width: int) -> str:
    took, longest = f"{duration_ms / 1_000:.2f} s", _ms(waits.longest_ms)
    return f"{name:{width}}  {took:>9}  {longest:>12}  {waits.count:>10,}  {waits.failed:>6,}"


def _bars(latencies_ms: Sequence[float]) -> Iterator[str]:
    top = max(latencies_ms) or 1
    yield "".join(BARS[min(len(BARS) - 1, int(latency / top * len(BARS)))] for latency in latencies_ms)


def _conclusion(seen: Performance) -> str:
    if seen.refusal:
        which = "rollback" if seen.back else "migration"
        return f"The {which} did not come to its end on the copy; the error says why. The database was only read."
    if not seen.acts and not seen.back:
        return "Nothing to do: everything is in place."
    said = []
    if seen.acts:
        said.append(f"Expect about {_seconds(_duration_ms(seen.acts))}")
    if seen.back:
        said.append(f"the rollback takes about {_seconds(_duration_ms(seen.back))}")
    whole, quiet = seen.whole, seen.quiet
    failed = f"{whole.failed:,}" if whole.failed else "none"
    return (
        f"{', '.join(said)}; the longest wait of a statement was {_ms(whole.longest_ms)}{_where(seen)}, "
        f"{failed} of {whole.count:,} failed. Without a migration the longest was {_ms(quiet.longest_ms)}."
        + {
            True: " After the rollback the schema is what it was.",
            False: " The rollback left another schema.",
            None: "",
        }[seen.is_restored]
    )


def _where(seen: Performance) -> str:
    """Say in which step the longest wait began to be one; several can share it, and the first is named."""
    for act in (*seen.acts, *seen.back):
        for span, waits in act.steps:
            if waits.longest_ms == seen.whole.longest_ms:
                return f" ({act.file[:3]}, {span.step})"
    return ""


def _duration_ms(acts: Sequence[Act]) -> float:
    return sum(act.duration_ms for act in acts)


def _seconds(duration_ms: float) -> str:
    return f"{duration_ms / 1_000:.0f} s" if duration_ms >= 10_000 else f"{max(duration_ms, 100) / 1_000:.1f} s"


def _ms(duration_ms: float) -> str:
    return f"{duration_ms:,.0f} ms"
