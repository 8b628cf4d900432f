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

STEP = "041"
INTERACTIONS = 1_000_000
# The leads that are there with all that hangs on them, again and again under new ids. Triggers and keys sleep,
# which takes half a minute instead of eight.
GROW = f"""
SET session_replication_role = replica;
CREATE FUNCTION pg_temp.columns_of(name text, but text[]) RETURNS text LANGUAGE sql AS $$
  SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) FROM pg_attribute
   WHERE attrelid = name::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = '' AND attname <> ALL (but)
$$;
DO $$
DECLARE
  times     constant bigint := {INTERACTIONS} / (SELECT count(*) FROM lead_interactions);
  of_leads  constant text := pg_temp.columns_of('leads', '{{id,email}}');
  of_others constant text := pg_temp.columns_of('lead_interactions', '{{id,lead_id}}');
BEGIN
  CREATE TEMP TABLE twins ON COMMIT DROP AS
    SELECT l.id AS lead_id, gen_random_uuid() AS twin_id FROM leads l, generate_series(1, times);
  EXECUTE format('INSERT INTO leads (id, %1$s) SELECT t.twin_id, %1$s
                    FROM leads JOIN twins t ON t.lead_id = id', of_leads);
  EXECUTE format('INSERT INTO lead_interactions (id, lead_id, %1$s) SELECT gen_random_uuid(), t.twin_id, %1$s
                    FROM lead_interactions JOIN twins t USING (lead_id)', of_others);
END $$;
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


@pytest.fixture
def large_database(legacy_database: CrmDatabase) -> CrmDatabase:
    legacy_database.psql(GROW)
    legacy_database.psql("VACUUM (ANALYZE)")
    assert int(legacy_database.psql("SELECT count(*) FROM lead_interactions")) >= INTERACTIONS
    return legacy_database


def measured(style: str, crm: CrmDatabase, hold_s: float | None) -> tuple[Figure, set[str]]:
    """Return the figures of 041 with 120 statements a second under way, and the errors of these."""
    (step,) = (step for step in STEPS[style] if step.name == STEP)
    with copy(crm) as database:
        made = Copy(database.server, database.name, database)
        done = asyncio.run(run(style, made, [step], rate_per_s=20, hold_s=hold_s, quiet_s=1))
    (figure,) = (figure for figure in figures(done) if figure.step == STEP)
    assert figure.is_success, done.windows
    return figure, {sample.error for sample in done.samples if sample.error}


def test_nobody_waits_half_as_long_as_usual_at_a_million_rows(large_database: CrmDatabase) -> None:
    for hold_s in (None, 8.0):  # at rest, and beside a transaction that stays open
        (ours, errors), (usual, _) = (measured(style, large_database, hold_s) for style in (OURS, USUAL))

        assert set() == errors
        assert ours.longest_ms <= usual.longest_ms / 2, f"{ours}\n{usual}"
