"""The house keeps its rules: who may import whom, and no clash with what is installed."""

import ast
import importlib.metadata
import json
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
OURS = {
    "app",
    "settings",
    "errors",
    "schema",
    "resolvers",
    "db",
    "migrations",
    "execution",
    "server",
    "commands",
    "bench",
}

# What other ways to build the API are made of, in bench/contestants/.
CONTESTANTS = {"asyncpg", "sqlalchemy", "starlette", "strawberry", "uvicorn"}

# folder: (ours that it may import, third-party packages that it may import; None = any)
MAY_IMPORT = {
    "errors": (set(), set()),
    "settings": ({"errors"}, {"pydantic", "pydantic_core", "pydantic_settings", "platformdirs"}),
    "db": ({"errors"}, {"sqlalchemy", "asyncpg"}),
    "resolvers": ({"db", "errors"}, set()),
    "execution": ({"errors"}, {"graphql", "strawberry"}),
    "schema": ({"resolvers", "db", "execution", "errors"}, {"strawberry", "graphql", "orjson"}),
    "server": ({"schema", "resolvers", "db", "execution", "errors", "settings"}, None),
    "migrations": ({"errors", "settings"}, {"asyncpg", "dotenv"}),
    "bench": (
        {"db", "migrations", "errors", "settings"},
        {"click", "httptools", "httpx2", "jwt", "matplotlib", "orjson", "playwright", "psutil"} | CONTESTANTS,
    ),
    "app": (OURS - {"app", "bench", "commands", "migrations"}, None),
    "commands": (OURS - {"app"}, None),
}
NEVER = {"server": {"sqlalchemy", "asyncpg"}, "schema": {"sqlalchemy"}, "resolvers": {"sqlalchemy", "asyncpg"}}


def python_files() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "*.py"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return [Path(name) for name in listed.stdout.split() if not name.startswith(("tests/", "web/", "docs/"))]


def imported(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse((ROOT / path).read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names.add((node.module or "").partition(".")[0])
    return names


@pytest.mark.parametrize("path", python_files(), ids=str)
def test_a_folder_imports_only_what_it_may(path: Path, stdlib_names: frozenset[str]) -> None:
    folder = path.parts[0].removesuffix(".py")
    ours, theirs = MAY_IMPORT[folder]

    names = imported(path) - stdlib_names - {folder}

    assert names & OURS <= ours
    assert not names & NEVER.get(folder, set())
    assert theirs is None or names - OURS <= theirs


def test_a_rule_exists_for_each_folder() -> None:
    assert {path.parts[0].removesuffix(".py") for path in python_files()} == set(MAY_IMPORT)


def test_asyncpg_is_imported_only_by_the_engine_the_migrations_and_contestants() -> None:
    users = {str(path) for path in python_files() if "asyncpg" in imported(path)}

    assert all(
        user in {"db/engine.py", "db/driver_errors.py", "db/listener.py", "db/pulse.py"}
        or user.startswith(("migrations/", "bench/contestants/"))
        for user in users
    ), users


def test_no_installed_package_has_one_of_our_names() -> None:
    assert not OURS & set(importlib.metadata.packages_distributions())


def test_the_environment_is_read_in_settings_alone() -> None:
    readers = {
        str(path)
        for path in python_files()
        if any(
            isinstance(node, ast.Attribute) and node.attr in {"environ", "getenv"}
            for node in ast.walk(ast.parse((ROOT / path).read_text()))
        )
    }

    # environment.py runs before any dependency exists and only hands the environment on to pip.
    assert readers <= {"settings.py", "commands/environment.py"}


def test_lock_files_hold_hashes_and_no_addresses() -> None:
    for name in ("requirements.lock", "requirements-dev.lock", "deploy/failover/requirements.lock"):
        text = (ROOT / name).read_text()

        assert "://" not in text
        assert text.count("==") <= text.count("--hash=sha256:")


@pytest.mark.parametrize("folder", ["web", "tests/audit", "tests/axe", "tests/clients", "bench/contestants/node"])
def test_npm_lock_files_hold_hashes_and_no_addresses(folder: str) -> None:
    packages = json.loads((ROOT / folder / "package-lock.json").read_text())["packages"]

    installed = [package for name, package in packages.items() if name]
    assert installed
    assert [] == [package for package in installed if "resolved" in package or "integrity" not in package]
