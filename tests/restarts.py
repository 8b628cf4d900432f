"""A server process and a PostgreSQL that tests may stop, kill and start again at the same address."""

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2
from pydantic import SecretStr

from db import embedded
from settings import Settings
from tests.apis import SECRET, Api
from tests.databases import CrmDatabase, fill_legacy, fill_migrated, psql
from tests.deadlines import DEADLINE_S, eventually
from tests.demos import Running, running
from tests.embedded_users import is_stopped, postmaster


@dataclass(slots=True)
class Served:
    """`./taskline serve`, one process on a port that it keeps."""

    home: Path
    settings: dict[str, str]
    process: Running
    api: Api
    stack: ExitStack

    def restart(self, how: signal.Signals) -> None:
        """End the process by this signal, and start another one there."""
        port = str(self.api.client.base_url.port)
        self.process.process.send_signal(how)
        self.process.process.wait(DEADLINE_S)
        self.process = self.stack.enter_context(running(self.home, "serve", "--port", port, **self.settings))


@contextmanager
def served(home: Path, database: CrmDatabase, **more: str) -> Iterator[Served]:
    settings = {"DATABASE_URL": database.app_url, "TASKLINE_JWT_SECRET": SECRET} | more
    with ExitStack() as stack:
        process = stack.enter_context(running(home, "serve", "--port", "0", **settings))
        client = stack.enter_context(httpx2.Client(base_url=process.url, timeout=DEADLINE_S))
        yield Served(home, settings, process, Api(Settings(jwt_secret=SecretStr(SECRET)), client), stack)


@dataclass(slots=True)
class OwnPostgres:
    """A PostgreSQL for one test alone, which keeps what it has acknowledged over its own end."""

    home: Path
    binaries: Path
    server: embedded.EmbeddedServer

    def stop(self, how: signal.Signals) -> None:
        """End it: SIGINT is the fast way, SIGQUIT the immediate one, which leaves a recovery to the next start."""
        os.kill(postmaster(self.home).pid, how)
        assert eventually(lambda: is_stopped(self.home))

    @property
    def crm(self) -> CrmDatabase:
        """The one database there; the test makes it."""
        return CrmDatabase(self.server, "crm")

    def start(self, *, is_standby: bool = False) -> None:
        """Start it again, at the same address; as a standby that waits for what never comes, until it is promoted."""
        self.server.close()
        if is_standby:
            data = self.home / "postgres"
            mark, owner = data / "standby.signal", data.stat()
            mark.touch()
            os.chown(mark, owner.st_uid, owner.st_gid)
        self.server = _start(self.home, self.binaries)

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Let none of its processes do anything: its address takes connections, and answers nobody."""
        leader = postmaster(self.home)
        processes = [leader, *leader.children()]
        for process in processes:
            process.suspend()
        try:
            yield
        finally:
            for process in processes:
                process.resume()


@contextmanager
def own_postgres(home: Path, binaries: Path) -> Iterator[OwnPostgres]:
    own = OwnPostgres(home, binaries, _start(home, binaries))
    try:
        yield own
    finally:
        own.server.close()


@contextmanager
def own_crm(home: Path, binaries: Path) -> Iterator[OwnPostgres]:
    """A PostgreSQL of a test's own with a migrated CRM in it."""
    with own_postgres(home, binaries) as own:
        fill_legacy(own.crm)
        fill_migrated(own.crm)
        yield own


@contextmanager
def standby_of(primary: OwnPostgres, home: Path) -> Iterator[OwnPostgres]:
    """A copy of a server that follows it, and whose word each commit there waits for."""
    data = home / "postgres"
    admin = primary.server.url()
    program = str(primary.binaries / "pg_basebackup")
    copying = [program, "-d", admin, "-D", str(data), "-c", "fast", "--no-sync", "-R"]
    subprocess.run(copying, check=True, capture_output=True)
    (data / "postmaster.pid").unlink(missing_ok=True)
    owner = primary.home.joinpath("postgres").stat()
    for path in [data, *data.rglob("*")]:
        os.chown(path, owner.st_uid, owner.st_gid)
    with own_postgres(home, primary.binaries) as standby:
        psql(primary.server, admin, "-c", "ALTER SYSTEM SET synchronous_standby_names = '*'")
        psql(primary.server, admin, "-c", "SELECT pg_reload_conf()")
        follows = "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'"
        assert eventually(lambda: psql(primary.server, admin, "-c", follows) == "1")
        yield standby


def _start(home: Path, binaries: Path) -> embedded.EmbeddedServer:
    # The machine stays up, so what is written needs no fsync; but it must be written.
    settings = {"synchronous_commit": "on", "full_page_writes": "on"}
    return embedded.start(home, binaries=binaries, durable=False, settings=settings)
