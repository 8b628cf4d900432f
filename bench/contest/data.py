"""The contest's database: migrated first, then filled in bulk; made once for each size, and kept."""

from __future__ import annotations

import asyncio
import hashlib
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

import click

from bench.crms import APP, LEGACY, Crm, drop_others, kept
from migrations.runner import apply

if TYPE_CHECKING:
    from db.embedded import EmbeddedServer

FOLDER = Path(__file__).parent
MIGRATIONS = FOLDER.parent.parent / "migrations"
BATCH = 50_000  # so many interactions at a time, for the progress shown: a few seconds


def key(kind: str, number: int) -> UUID:
    """Return the id of a row, by its kind and its number among them."""
    return UUID(hashlib.md5(f"{kind}{number}".encode(), usedforsecurity=False).hexdigest())


ORGANIZATION, PERSON = key("organization", 0), key("user", 0)
"""Whose data is asked for, and by whom: an admin."""


@dataclass(frozen=True, slots=True)
class Sizes:
    """How many rows of each kind there are for so many interactions.

    A busy account has 64 tasks or a few more, a large one 256, the hot one a tenth of all.
    """

    interactions: int

    @property
    def busy(self) -> int:
        """Accounts with more than a page of tasks; the first ones."""
        return max(1, self.interactions // 640)

    @property
    def large(self) -> int:
        """Accounts with more than a page of 200 tasks; after the busy ones."""
        return max(1, self.interactions // 2_560)

    @property
    def variables(self) -> dict[str, int]:
        """What the SQL files are given."""
        return {
            "rows": self.interactions,
            "busy": self.busy,
            "large": self.large,
            "leads": max(60, self.interactions // 20),
            "contacts": self.contacts,
            "accounts": self.busy + self.large + 1 + self.interactions // 40,
        }

    @property
    def contacts(self) -> int:
        """Contacts of the organization that is asked."""
        return max(60, self.interactions // 25)


def database(server: EmbeddedServer, sizes: Sizes) -> Crm:
    """Return the database with so many interactions; made on first use, 10 s for each 100,000.

    One that other migrations have made, or other files of ours, is dropped.
    """
    files = sorted([*MIGRATIONS.glob("*.sql"), *FOLDER.glob("*.sql"), LEGACY / "legacy_crm.sql"])
    made_of = [file.read_bytes() for file in files] + [repr(sizes.variables).encode()]
    digest = hashlib.sha256(b"".join(made_of)).hexdigest()[:8]
    family = f"contest_{sizes.interactions}_"
    drop_others(server, family, but=f"{family}{digest}")
    return kept(server, f"{family}{digest}", lambda crm: _fill(crm, sizes))


def _fill(crm: Crm, sizes: Sizes) -> None:
    crm.psql("-f", str(LEGACY / "legacy_crm.sql"))
    asyncio.run(apply.up(crm.owner_url, api_role=APP, say=lambda _: None))
    _run(crm, "records.sql", sizes)
    starts = range(0, sizes.interactions, BATCH)
    with click.progressbar(starts, label=f"Making {sizes.interactions:,} interactions", file=sys.stderr) as shown:
        for low in shown:
            _run(crm, "interactions.sql", sizes, low=low, high=min(low + BATCH, sizes.interactions))


def _run(crm: Crm, file: str, sizes: Sizes, **more: int) -> None:
    values = sizes.variables | more
    crm.psql_as_admin(*(word for name in values for word in ("-v", f"{name}={values[name]}")), "-f", str(FOLDER / file))
