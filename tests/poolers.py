"""The real PgBouncer before a test's server, on a socket of its own, in any of its modes."""

import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from db import embedded_account, embedded_process
from tests.databases import APP, APP_PASSWORD, OWNER, OWNER_PASSWORD, CrmDatabase
from tests.deadlines import eventually
from tests.programs import program

PORT = 6432


@dataclass(frozen=True, slots=True)
class Pooler:
    """A PgBouncer that runs; its log says what it did."""

    database: CrmDatabase
    folder: Path

    def url(self, user: str = OWNER, *, password: str = OWNER_PASSWORD, database: str | None = None) -> str:
        login, host = f"{user}:{quote(password, safe='')}", quote(str(self.folder), safe="")
        return f"postgresql://{login}@/{database or self.database.name}?host={host}&port={PORT}"

    @property
    def log(self) -> str:
        file = self.folder / "pgbouncer.log"
        return file.read_text() if file.exists() else ""


@contextmanager
def pooler(database: CrmDatabase, mode: str, **settings: str | int) -> Iterator[Pooler]:
    """Yield a PgBouncer in this mode before the database's server; `settings` are those of its own file."""
    path = program("pgbouncer")
    with tempfile.TemporaryDirectory(prefix="pgb-") as name:  # short: a socket's path holds 107 bytes
        folder = Path(name)
        _write(folder, database, {"pool_mode": mode, **settings})
        account = embedded_account.choose(folder / "none")  # it refuses root, as PostgreSQL does
        for part in (folder, *folder.iterdir()):
            embedded_account.give(part, account)
        who = {"user": account.uid, "group": account.gid, "extra_groups": []} if account.is_other else {}
        with subprocess.Popen(
            [path, "-q", str(folder / "pgbouncer.ini")],
            **who,  # type: ignore[call-overload]  # the account's three options, or none
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as process:
            try:
                running = Pooler(database, folder)
                assert eventually(lambda: "process up" in running.log), running.log
                yield running
            finally:
                process.kill()


def _write(folder: Path, database: CrmDatabase, settings: dict[str, str | int]) -> None:
    ours: dict[str, str | int] = {
        "listen_port": PORT,
        "unix_socket_dir": str(folder),
        "logfile": str(folder / "pgbouncer.log"),
        "auth_type": "scram-sha-256",
        "auth_file": str(folder / "users.txt"),
    }
    lines = [
        "[databases]",
        f"* = host={database.server.socket_dir} port={embedded_process.PORT}",
        "[pgbouncer]",
        *(f"{name} = {value}" for name, value in (ours | settings).items()),
    ]
    (folder / "pgbouncer.ini").write_text("\n".join(lines))
    (folder / "users.txt").write_text(f'"{OWNER}" "{OWNER_PASSWORD}"\n"{APP}" "{APP_PASSWORD}"\n')
