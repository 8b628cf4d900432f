"""Backups of a database on the embedded server: PostgreSQL's own archives, written and read by its own programs.

An archive is in a gzip file, whose checksum tells one that isn't whole: pg_restore takes one whose end is missing.
"""

from __future__ import annotations

import gzip
import os
import shutil
import subprocess
import zlib
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import IO, TYPE_CHECKING

from errors import BackupFailed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from db.embedded_crm import EmbeddedCrm


def dump(crm: EmbeddedCrm, file: Path) -> None:
    """Write all of a database into a new file, as it is at one moment; nobody who uses it waits. Raises BackupFailed.

    The file is there when it is whole, and its owner alone may read it.
    """
    unfinished = file.with_name(f"{file.name}.unfinished")
    try:
        unfinished.touch(mode=0o600)
        with unfinished.open("wb") as raw:
            with (
                gzip.open(raw, "wb") as packed,
                _running(crm, "pg_dump", "--format=custom", "--compress=0") as pipes,
            ):
                shutil.copyfileobj(pipes.stdout, packed)
            os.fsync(raw.fileno())
        os.link(unfinished, file)  # unlike a rename, it never replaces one that has come meanwhile
    except FileExistsError as exc:
        raise BackupFailed(f"{file} is there already. Choose another name.") from exc
    except OSError as exc:
        raise BackupFailed(f"{file} can't be written: {exc.strerror}. Choose another folder.") from exc
    finally:
        with suppress(OSError):
            unfinished.unlink(missing_ok=True)


def restore(crm: EmbeddedCrm, file: Path) -> None:
    """Make a database anew from such a file. Until all of it is there, whatever was there before stays as it is.

    Raises BackupFailed, also while somebody is connected to the one before.
    """
    if crm.is_in_use():
        raise BackupFailed("Somebody is connected to the database: end `./taskline serve`, and try again.")
    coming = replace(crm, name=f"{crm.name}_coming", roles_of=crm.name)
    coming.create()
    try:
        arguments = "--exit-on-error", "--dbname", coming.name
        with (
            gzip.open(file) as packed,
            _running(coming, "pg_restore", *arguments) as pipes,
            suppress(BrokenPipeError),  # it has given up, and says why
        ):
            shutil.copyfileobj(packed, pipes.stdin)
        coming.analyze()
        coming.take_the_place_of(crm)
    except (EOFError, gzip.BadGzipFile, zlib.error) as exc:
        raise BackupFailed(f"{file} isn't a whole backup: {exc}. Nothing was changed; give another file.") from exc
    except OSError as exc:
        raise BackupFailed(f"{file} can't be read: {exc.strerror}. Give a file that `backup` has written.") from exc
    finally:
        coming.drop()


class _Pipes:
    """A program's standard input and output."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.stdin: IO[bytes] = process.stdin  # type: ignore[assignment]  # both are pipes
        self.stdout: IO[bytes] = process.stdout  # type: ignore[assignment]


@contextmanager
def _running(crm: EmbeddedCrm, program: str, *arguments: str) -> Iterator[_Pipes]:
    """Run one of PostgreSQL's programs on a database within the block. Raises BackupFailed when it gives up."""
    with subprocess.Popen(
        [str(crm.server.bin_dir / program), *arguments],
        env={"PATH": "/usr/bin:/bin", "LC_ALL": "C", **crm.server.variables(crm.name)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        try:
            yield _Pipes(process)
        except BaseException:
            process.kill()
            raise
        _, said = process.communicate()
    if process.returncode:
        raise BackupFailed(f"{program} gave up: {' '.join(said.decode(errors='replace').split())} Nothing was changed.")
