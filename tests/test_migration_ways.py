"""However a migration is run, the database is the same afterwards: by helper, .env.devtest, psql -f or \\i."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.databases import CrmDatabase
from tests.migration_runs import BACK, FORWARD, by_psql, fingerprint, psql_command, schema_dump

ROOT = Path(__file__).parent.parent
Way = Callable[[CrmDatabase, Path, Path], None]

pytestmark = pytest.mark.slow


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """What the helper needs of the project, in a folder of its own, where a .env.devtest is nobody else's."""
    for name in ("commands", "migrations"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("errors.py", "settings.py", "run-migration-devtest"):
        shutil.copy(ROOT / name, tmp_path / name)
    launcher = tmp_path / "taskline"
    launcher.write_text(f'#!/bin/sh\nPYTHONPATH="{tmp_path}" exec "{sys.executable}" -P -m commands "$@"\n')
    launcher.chmod(0o755)
    return tmp_path


def by_helper(database: CrmDatabase, checkout: Path, file: Path) -> None:
    run_helper(checkout, file, DEVTEST_DATABASE_URL=database.owner_url)


def by_env_file(database: CrmDatabase, checkout: Path, file: Path) -> None:
    (checkout / ".env.devtest").write_text(f"DEVTEST_DATABASE_URL={database.owner_url}\n")
    run_helper(checkout, file)


def by_include(database: CrmDatabase, _: Path, file: Path) -> None:
    subprocess.run(psql_command(database), input=f"\\i '{file}'\n", capture_output=True, text=True, check=True)


def run_helper(checkout: Path, file: Path, **variables: str) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("DEVTEST_")} | variables
    done = subprocess.run(
        ["./run-migration-devtest", file.name],
        cwd=checkout,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert 0 == done.returncode, done.stderr


@pytest.mark.parametrize("way", [by_helper, by_env_file, by_include], ids=lambda way: way.__name__)
def test_every_way_leaves_what_psql_leaves(
    legacy_database: CrmDatabase, second_legacy_database: CrmDatabase, checkout: Path, way: Way
) -> None:
    for file in (*FORWARD, *BACK):
        by_psql(legacy_database, file)

        way(second_legacy_database, checkout, file)

        assert fingerprint(legacy_database) == fingerprint(second_legacy_database)
        assert schema_dump(legacy_database) == schema_dump(second_legacy_database)
