"""The migration files: which there are, and which one a person means."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PurePosixPath

from errors import MigrationFileUnusable
from migrations.runner.splitter import Statement, hash_of, split

FOLDER = Path(__file__).parent.parent
_NAME = re.compile(r"(?P<version>\d{3})_\w+(?P<back>\.rollback)?\.sql")


@dataclass(frozen=True, slots=True)
class MigrationFile:
    """A file, read and split."""

    version: int
    is_rollback: bool
    name: str
    hash: str
    statements: tuple[Statement, ...]


def forward(through: int | None = None) -> list[MigrationFile]:
    """Return the migrations in order, up to and including number `through`.

    Raises MigrationFileUnusable if no file has that number.
    """
    paths = sorted(path for path in FOLDER.glob("[0-9][0-9][0-9]_*.sql") if not path.name.endswith(".rollback.sql"))
    numbers = [int(path.name[:3]) for path in paths]
    if through is not None and through not in numbers:
        there = ", ".join(f"{number:03}" for number in numbers)
        raise MigrationFileUnusable(f"There is no migration {through:03}; there are {there}. Nothing was changed.")
    return [read(path) for path, number in zip(paths, numbers, strict=True) if through is None or number <= through]


def rollback_of(version: int) -> MigrationFile:
    """Return the file that takes a migration back. Raises MigrationFileUnusable if there is none."""
    found = sorted(FOLDER.glob(f"{version:03}_*.rollback.sql"))
    if not found:
        raise MigrationFileUnusable(
            f"Migration {version:03} has no rollback file in {FOLDER.name}/. Nothing was changed."
        )
    return read(found[0])


def named(name: str) -> MigrationFile:
    """Return the file of this name or path; one in database/migrations/ is looked for in migrations/."""
    path = Path(name)
    if not _is_file(path):
        path = FOLDER / PurePosixPath(name.replace("\\", "/")).name
    if not _is_file(path):
        there = ", ".join(file.name for file in sorted(FOLDER.glob("[0-9]*.sql")))
        raise MigrationFileUnusable(f"There is no migration file {name}. In {FOLDER.name}/ there are: {there}.")
    return read(path)


def _is_file(path: Path) -> bool:
    with suppress(OSError):  # as for a name that is too long for one
        return path.is_file()
    return False


def read(path: Path) -> MigrationFile:
    """Read and split a file. Raises MigrationFileUnusable, naming the file, if that isn't possible."""
    name = _NAME.fullmatch(path.name)
    if not name:
        raise MigrationFileUnusable(f"{path.name} isn't named like a migration: 041_what_it_changes.sql.")
    try:
        statements, digest = _parsed(path.read_text(encoding="utf-8"))
    except OSError as exc:
        raise MigrationFileUnusable(f"Can't read {path.name}: {exc.strerror}.") from exc
    except UnicodeDecodeError as exc:
        raise MigrationFileUnusable(f"Can't read {path.name}: it isn't UTF-8 text (byte {exc.start}).") from exc
    except MigrationFileUnusable as exc:
        raise MigrationFileUnusable(f"{path.name}: {exc}") from exc
    return MigrationFile(int(name["version"]), bool(name["back"]), path.name, digest, statements)


@lru_cache(maxsize=32)  # whoever looks at several databases, or twice at one, reads each text once
def _parsed(text: str) -> tuple[tuple[Statement, ...], str]:
    return tuple(split(text)), hash_of(text)
