"""A receipt: what has run in a staging database, as a file that production can be shown."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import stat
import tempfile
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from uuid import UUID

from errors import MigrationNotPromoted
from migrations.runner import ledger
from migrations.runner.catalogue import is_in_place, readiness
from migrations.runner.identities import Identity, identity
from migrations.runner.ledger import Outcome

if TYPE_CHECKING:
    from pathlib import Path

    import asyncpg

FORMAT = 1
FILE_NAME = "staging-receipt.json"
# What JSON itself holds of a receipt, by name.
_KINDS: dict[str, type] = {
    **dict.fromkeys(("environment", "id", "name", "server_version", "file", "hash", "fingerprint"), str),
    **dict.fromkeys(("version", "duration_ms"), int),
    **dict.fromkeys(("migrations", "proof"), list),
    "database": dict,
    "is_in_place": bool,
}


@dataclass(frozen=True, slots=True)
class Item:
    """One migration in that database: the file that ran, and what it left."""

    version: int
    file: str
    hash: str
    outcome: Outcome
    is_in_place: bool
    """Whether the catalogue still was what the file makes when the receipt was written."""
    fingerprint: str
    run_id: UUID
    started_at: datetime
    duration_ms: int
    proof: list[str]
    """What its report said of the tasks that were tried out there, or couldn't be, line by line."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a database had when it was asked."""

    environment: str
    database: Identity
    issued_at: datetime
    migrations: list[Item]


async def collect(connection: asyncpg.Connection, environment: str) -> Receipt:
    """Return the receipt of a database: what its ledger says, and whether its catalogue agrees. Reads only."""
    checks = await readiness(connection)
    items = [
        Item(
            entry.version,
            entry.file,
            entry.hash,
            entry.outcome,
            is_in_place(checks, entry.version) is not False,  # None: nothing to check it by
            entry.fingerprint,
            entry.run_id,
            entry.started_at,
            entry.duration_ms,
            entry.proof,
        )
        for entry in (await ledger.latest(connection)).values()
    ]
    return Receipt(environment, await identity(connection), datetime.now(UTC), items)


def write(receipt: Receipt, path: Path) -> None:
    """Write the receipt for its owner alone to read; the file is replaced as a whole. Raises OSError."""
    document = {"format": FORMAT, **asdict(receipt)}
    text = _text(document | {"seal": seal(document)})
    _refuse_other_kinds(path)
    unfinished = path.with_name(f"{path.name}.{os.getpid()}")
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        unfinished.replace(path)
    except BaseException:
        unfinished.unlink()
        raise


def try_place(path: Path) -> None:
    """Return if a receipt could be written there; what is there stays as it is. Raises OSError."""
    _refuse_other_kinds(path)
    with tempfile.TemporaryFile(dir=path.parent):
        pass


def _refuse_other_kinds(path: Path) -> None:
    """Refuse what a receipt mustn't take the place of: a device, a pipe, a link, a folder."""
    with suppress(FileNotFoundError):
        if not stat.S_ISREG(path.lstat().st_mode):
            raise FileExistsError(errno.EEXIST, "what is there isn't a regular file", str(path))


def read(path: Path) -> Receipt:
    """Return the receipt in a file. Raises MigrationNotPromoted if it can't be read, was altered, or isn't one."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        json.dumps(document, ensure_ascii=False).encode()  # half a surrogate pair is a string of JSON, and no text
    except OSError as exc:
        raise _refusal(path, f"can't be read: {exc.strerror}") from None
    except (ValueError, RecursionError):
        raise _refusal(path, "isn't a receipt, which is JSON") from None
    if not isinstance(document, dict) or "format" not in document:
        raise _refusal(path, "isn't a receipt")
    if document["format"] != FORMAT:
        raise _refusal(path, f"is of format {document['format']}, and this version of Taskline reads format {FORMAT}")
    sealed = document.pop("seal", None)
    if sealed != seal(document):
        raise _refusal(path, "was changed after it was written")
    try:
        return _receipt(document)
    except (KeyError, TypeError, ValueError):
        raise _refusal(path, "lacks a part, or has one that can't be read") from None


def _refusal(path: Path, why: str) -> MigrationNotPromoted:
    return MigrationNotPromoted(
        f"The receipt {path} {why}. Nothing was changed. Run ./taskline migrate up --env staging for a new one; where "
        "nothing is left to do there, that changes nothing else."
    )


def _receipt(document: dict[str, object]) -> Receipt:
    whole = json.loads(json.dumps(document), object_hook=_with_types)
    return Receipt(
        whole["environment"],
        Identity(**whole["database"]),
        whole["issued_at"],
        [Item(**item) for item in whole["migrations"]],
    )


def _with_types(values: dict[str, object]) -> dict[str, object]:
    """Return what JSON has no types for as what it was. Raises TypeError or ValueError for what wasn't that."""
    made = dict(values)
    for name, value in values.items():
        if type(value) is not _KINDS.get(name, type(value)) or (name == "proof" and not _are_lines(value)):
            raise TypeError(name)
        if name.endswith("_at"):
            made[name] = datetime.fromisoformat(str(value))
        elif name == "run_id":
            made[name] = UUID(str(value))
        elif name == "outcome":
            made[name] = Outcome(str(value))
    return made


def _are_lines(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(line, str) for line in value)


def _text(document: dict[str, object]) -> str:
    return json.dumps(document, indent=2, default=_plain, ensure_ascii=False) + "\n"


def _plain(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def seal(document: dict[str, object]) -> str:
    """Return a sum of all that a receipt says. It finds a slip of the hand; it isn't a signature."""
    canonical = json.dumps(document, sort_keys=True, separators=(",", ":"), default=_plain, ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()
