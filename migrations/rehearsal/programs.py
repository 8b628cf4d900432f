"""PostgreSQL's own programs: pg_dump, pg_restore and psql, run to their end or not left behind."""

from __future__ import annotations

import asyncio
from asyncio.subprocess import DEVNULL, PIPE
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

from errors import RehearsalFailed
from settings import variables

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Done:
    """How a program ended: 0 is well."""

    code: int
    output: str
    errors: str


@dataclass(frozen=True, slots=True)
class Programs:
    """A folder with PostgreSQL's programs."""

    folder: Path

    async def run(
        self, name: str, *arguments: str, to: Mapping[str, str] | None = None, reads: IO[bytes] | None = None
    ) -> Done:
        """Run one, connected as the environment `to` says; its words are English, whatever the machine's are.

        Its standard input is what is left of `reads`.

        It gets nothing of the caller's PG… variables. When we are stopped, it is, too. Raises RehearsalFailed.
        """
        kept = {key: value for key, value in variables().items() if not key.startswith("PG")}
        own = {"LC_ALL": "C", "PGAPPNAME": "taskline rehearse"}
        try:
            process = await asyncio.create_subprocess_exec(
                str(self.folder / name),
                *arguments,
                env={**kept, **own, **(to or {})},
                stdin=reads or DEVNULL,
                stdout=PIPE,
                stderr=PIPE,
                start_new_session=True,  # Ctrl-C in the terminal is for us
            )
        except OSError as exc:
            raise RehearsalFailed(f"{name} can't be run: {exc.strerror}. It belongs in {self.folder}.") from exc
        try:
            output, errors = await process.communicate()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        return Done(process.returncode or 0, output.decode(errors="replace"), errors.decode(errors="replace"))
