"""`./taskline serve --workers 2` for tests, and a way to each of its workers."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2
import psutil
from pydantic import SecretStr

from resolvers.viewers import Viewer
from settings import Settings
from tests.apis import SECRET, Api
from tests.databases import CrmDatabase
from tests.deadlines import DEADLINE_S
from tests.demos import Running, running
from tests.sockets import Socket, greeted


@dataclass(frozen=True, slots=True)
class Served:
    """The supervisor, whose workers are up."""

    process: Running

    def workers(self) -> list[psutil.Process]:
        return workers_of(self.process)

    @contextmanager
    def api(self, worker: psutil.Process) -> Iterator[Api]:
        """Connect to one worker, and yield the API over that connection."""
        with self._client() as api:
            with self._alone(worker):
                assert 200 == api.client.get("/healthz").status_code
            yield api

    @contextmanager
    def socket(self, worker: psutil.Process, viewer: Viewer) -> Iterator[Socket]:
        """Open a socket to one worker."""
        with self._client() as api, ExitStack() as stack:
            with self._alone(worker):
                opened = stack.enter_context(greeted(api, viewer))
            yield opened

    @contextmanager
    def _client(self) -> Iterator[Api]:
        with httpx2.Client(base_url=self.process.url, timeout=DEADLINE_S) as client:
            yield Api(Settings(jwt_secret=SecretStr(SECRET)), client)

    @contextmanager
    def _alone(self, worker: psutil.Process) -> Iterator[None]:
        """Let nobody but one worker take a connection."""
        others = [other for other in self.workers() if other != worker]
        for other in others:
            other.suspend()
        try:
            yield
        finally:
            for other in others:
                other.resume()


def workers_of(process: Running) -> list[psutil.Process]:
    """Return the processes that serve for this one, or are about to, the oldest first."""
    children = psutil.Process(process.process.pid).children()
    return sorted((child for child in children if "commands.worker" in child.cmdline()), key=lambda one: one.pid)


def settings_of(crm: CrmDatabase) -> dict[str, str]:
    return {"DATABASE_URL": crm.app_url, "TASKLINE_JWT_SECRET": SECRET}


@contextmanager
def served(home: Path, crm: CrmDatabase, **more: str) -> Iterator[Served]:
    """Serve by two workers."""
    with running(home, "serve", "--port", "0", "--workers", "2", **settings_of(crm), **more) as process:
        yield Served(process)
