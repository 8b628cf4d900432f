"""An application waits for 041 no longer than half as long as for the usual way: the same load, server and rows."""

import asyncio
from dataclasses import dataclass

import pytest

from bench.crms import Crm
from bench.figures import Figure, figures
from bench.migrations import OURS, STEPS, USUAL
from bench.runs import run
from tests.databases import CrmDatabase, copy

pytestmark = [pytest.mark.slow, pytest.mark.long]

HOLD_S = 3.0
STEP = "041"
# Some 9,000 interactions become 72,000.
GROW = """
SET session_replication_role = replica;
INSERT INTO lead_interactions
SELECT (jsonb_populate_record(t, jsonb_build_object('id', gen_random_uuid()))).*
  FROM lead_interactions t, generate_series(1, 7);
"""


@dataclass(frozen=True, slots=True)
class Copy(Crm):
    """A CRM for the benchmark in a database of the tests, which has passwords of its own."""

    database: CrmDatabase

    @property
    def owner_url(self) -> str:
        return self.database.owner_url

    @property
    def app_url(self) -> str:
        return self.database.app_url


def measured(style: str, crm: CrmDatabase) -> tuple[Figure, set[str]]:
    """Return the figures of 041 beside a transaction that stays open, 120 statements a second under way, and errors."""
    (step,) = (step for step in STEPS[style] if step.name == STEP)
    with copy(crm) as database:
        made = Copy(database.server, database.name, database)
        done = asyncio.run(run(style, made, [step], rate_per_s=20, hold_s=HOLD_S, quiet_s=1))
    (figure,) = (figure for figure in figures(done) if figure.step == STEP)
    assert figure.is_success, done.windows
    return figure, {sample.error for sample in done.samples if sample.error}


def test_beside_an_open_transaction_nobody_waits_half_as_long_as_usual(legacy_database: CrmDatabase) -> None:
    legacy_database.psql(GROW)

    (ours, errors), (usual, _) = (measured(style, legacy_database) for style in (OURS, USUAL))

    assert set() == errors
    assert ours.longest_ms <= usual.longest_ms / 2, f"{ours}\n{usual}"
