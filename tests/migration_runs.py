"""Migration files, run by psql or by the runner, and what a database looks like before and after."""

import asyncio
import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from migrations.runner import apply, catalogue
from tests.databases import APP, CrmDatabase, copy
from tests.deadlines import DEADLINE_S

FOLDER = Path(__file__).parent.parent / "migrations"
LINKS = FOLDER / "041_extend_interactions_to_contacts_and_accounts.sql"
LINKS_BACK = FOLDER / "041_extend_interactions_to_contacts_and_accounts.rollback.sql"
TENANT = FOLDER / "042_tenant_of_interactions.sql"
TENANT_BACK = FOLDER / "042_tenant_of_interactions.rollback.sql"
ORDER = FOLDER / "043_timeline_order.sql"
ORDER_BACK = FOLDER / "043_timeline_order.rollback.sql"
CHANGES = FOLDER / "044_changes_of_tasks.sql"
CHANGES_BACK = FOLDER / "044_changes_of_tasks.rollback.sql"
LOG = FOLDER / "045_event_log.sql"
LOG_BACK = FOLDER / "045_event_log.rollback.sql"
KEYS = FOLDER / "046_tenant_keys.sql"
KEYS_BACK = FOLDER / "046_tenant_keys.rollback.sql"
OPEN = FOLDER / "047_open_tasks.sql"
OPEN_BACK = FOLDER / "047_open_tasks.rollback.sql"
FORWARD = [LINKS, TENANT, ORDER, CHANGES, LOG, KEYS, OPEN]
BACK = [OPEN_BACK, KEYS_BACK, LOG_BACK, CHANGES_BACK, ORDER_BACK, TENANT_BACK, LINKS_BACK]
VERSIONS = sorted(int(file.name[:3]) for file in FOLDER.glob("0*.sql") if ".rollback" not in file.name)
NUMBERS = [f"{version:03}" for version in VERSIONS]
SUCCESS = "🎉 MIGRATION COMPLETED SUCCESSFULLY!"

VARIANTS = re.findall(r"^--   (v_\w+)", (FOLDER / "legacy" / "legacy_variants.sql").read_text(), re.MULTILINE)


def ledger_says(*outcomes: str) -> str:
    """Return what a ledger says of all migrations in their order; the last outcome holds for all that follow."""
    later = [outcomes[-1]] * (len(VERSIONS) - len(outcomes))
    return ", ".join(f"{version} {outcome}" for version, outcome in zip(VERSIONS, [*outcomes, *later], strict=True))


@dataclass(frozen=True, slots=True)
class Outcome:
    """What psql said and how it ended: 0 well, 3 with an error in the file."""

    code: int
    report: str
    errors: str

    @property
    def is_success(self) -> bool:
        return self.code == 0 and SUCCESS in self.report


def psql_command(database: CrmDatabase, *arguments: str, url: str | None = None) -> list[str]:
    return [str(database.server.bin_dir / "psql"), "-Xq", "-d", url or database.owner_url, *arguments]


def by_psql(
    database: CrmDatabase, file: Path, *arguments: str, url: str | None = None, **settings: str | int
) -> Outcome:
    """Run a file as a person would; `settings` reach it by PGOPTIONS, with `__` for a dot."""
    options = " ".join(f"-c {name.replace('__', '.')}={value}" for name, value in settings.items())
    done = subprocess.run(
        psql_command(database, *arguments, "-f", str(file), url=url),
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PGOPTIONS": options},
    )
    return Outcome(done.returncode, done.stdout, done.stderr)


def take_back_later(database: CrmDatabase, file: Path) -> None:
    """Take back the migrations that came after the one whose rollback this is."""
    for later in BACK[: BACK.index(file)]:
        outcome = by_psql(database, later)
        assert outcome.code == 0, outcome.errors


def take_back(database: CrmDatabase, file: Path) -> Outcome:
    """Run a rollback after those of the later migrations."""
    take_back_later(database, file)
    return by_psql(database, file)


def by_runner(
    database: CrmDatabase, file: Path | None = None, *, through: int | None = None, api_role: str | None = None
) -> list[str]:
    """Run one file, or all that is missing, and return what the runner said."""
    said: list[str] = []
    name = str(file) if file else None
    asyncio.run(apply.up(database.owner_url, only=name, through=through, api_role=api_role, say=said.append))
    return said


def make_variant(database: CrmDatabase, name: str) -> None:
    """Let a legacy database drift; what only a superuser can do is done as one."""
    is_for_superuser = name == "v_invalid_index"
    url = database.superuser_url if is_for_superuser else database.owner_url
    file = FOLDER / "legacy" / "legacy_variants.sql"
    done = subprocess.run(
        psql_command(database, "-v", f"{name}=1", "-f", str(file), url=url), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def fingerprint(database: CrmDatabase) -> str:
    async def read() -> str:
        connection = await asyncpg.connect(database.owner_url)
        try:
            return await catalogue.fingerprint(connection)
        finally:
            await connection.close()

    return asyncio.run(read())


def fingerprints(template: CrmDatabase) -> dict[int, str]:
    """Return the fingerprint after each migration, by its number, of a copy that is brought through all of them."""
    found = {}
    with copy(template) as database:
        for version in VERSIONS[1:]:
            by_runner(database, through=version, api_role=APP)
            found[version] = fingerprint(database)
    return found


def schema_dump(database: CrmDatabase) -> str:
    """Return the schema as pg_dump writes it.

    Without the runner's ledger and what a rollback set aside, both known by their names, and the random key of newer
    versions.
    """
    programs = database.server.bin_dir
    done = subprocess.run(
        [
            str(programs / "pg_dump"),
            "-s",
            "--exclude-table=taskline_migrations*",
            "--exclude-table=*_rolled_back_041",
            "--exclude-table=taskline_events_rolled_back_045*",
            "-d",
            database.owner_url,
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    return re.sub(r"^\\(?:un)?restrict .*$", "", done.stdout, flags=re.MULTILINE)


@contextmanager
def open_transaction(database: CrmDatabase, sql: str, *, url: str | None = None) -> Iterator[subprocess.Popen[str]]:
    """Hold a transaction that has run `sql`, as the owner unless another address is given, open meanwhile."""
    process = subprocess.Popen(
        psql_command(database, "-At", url=url), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdin
    assert process.stdout
    process.stdin.write(f"BEGIN;\n{sql};\n\\echo held\n")
    process.stdin.flush()
    while process.stdout.readline().strip() != "held":
        assert process.poll() is None
    try:
        yield process
    finally:
        process.stdin.close()
        process.wait(DEADLINE_S)
        process.stdout.close()
