"""Clients that write and watch while the database behind the API fails over, and what came of it."""

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

from websockets.exceptions import ConnectionClosed

from resolvers.viewers import Viewer
from tests.apis import Api
from tests.databases import CrmDatabase
from tests.deadlines import DEADLINE_S, eventually
from tests.failovers import API, OWNER, Cluster
from tests.organizations import new_organization
from tests.owners import connected
from tests.restarts import served
from tests.sockets import Socket, greeted
from tests.writers import Writers

log = logging.getLogger(__name__)

WATCH = "subscription ($since: String!) { taskEvents(since: $since) { cursor type taskId } }"
READ = """query ($after: String) {
  tasks(first: 100, after: $after) { resumeToken nodes { id } pageInfo { hasNextPage endCursor } } }"""


@dataclass(slots=True)
class Watcher:
    """A client that watches all tasks, and reads anew only where it is told to."""

    api: Api
    viewer: Viewer
    known: set[str] = field(default_factory=set)
    """The tasks that it has read or was told of."""
    told: Counter[str] = field(default_factory=Counter)
    """How often it was told that a task was made."""
    sockets: int = 0
    expired: int = 0
    """How often it had to read anew."""
    strange: list[Any] = field(default_factory=list)
    """What it can make nothing of."""
    is_over: threading.Event = field(default_factory=threading.Event)
    place: str = ""

    def read(self) -> None:
        """Read all tasks, and where to go on from."""
        after, place = None, ""
        while True:
            page: dict[str, Any] = self.api.data(self.viewer, READ, after=after)["tasks"]
            place = place or page["resumeToken"]
            self.known |= {node["id"] for node in page["nodes"]}
            after = page["pageInfo"]["endCursor"]
            if not page["pageInfo"]["hasNextPage"]:
                self.place = place
                return

    def run(self) -> None:
        while not self.is_over.is_set():
            with suppress(ConnectionClosed, OSError), greeted(self.api, self.viewer) as socket:
                self.sockets += 1
                socket.subscribe(WATCH, {"since": self.place})
                while not self.is_over.is_set():
                    with suppress(TimeoutError):
                        self._take(socket, socket.receive(timeout_s=0.5))

    def _take(self, socket: Socket, message: dict[str, Any]) -> None:
        payload: Any = message.get("payload", {})
        if message["type"] == "next" and "errors" not in payload:
            event = payload["data"]["taskEvents"]
            self.place = event["cursor"]
            self.known.add(event["taskId"])
            self.told[event["taskId"]] += event["type"] == "CREATED"
        elif "RESUME_EXPIRED" in str(payload):
            self.expired += 1
            assert eventually(self._has_read)
            socket.subscribe(WATCH, {"since": self.place})
        else:
            self.strange.append(message)

    def _has_read(self) -> bool:
        with suppress(AssertionError):  # the database may be away again
            self.read()
            return True
        return False


@dataclass(slots=True)
class Readiness:
    """What the readiness probe is told, four times a second."""

    api: Api
    said: list[int] = field(default_factory=list)
    is_over: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        while not self.is_over.wait(0.25):
            self.said.append(self.api.client.get("/readyz").status_code)


@dataclass(frozen=True, slots=True)
class Trial:
    """Writers and watchers at the API, while its database fails over."""

    cluster: Cluster
    writers: Writers
    watchers: list[Watcher]
    readiness: Readiness
    outages_s: list[float] = field(default_factory=list)
    """How long nothing was acknowledged, each time."""

    def break_off(self, happen: Callable[[], None]) -> None:
        """Let this happen to a deployment that is whole, and wait until changes are made as before."""
        self.cluster.wait_until_whole()
        self.writers.wait_for(2 * self.writers.count)
        began = time.monotonic()
        happen()
        self.writers.wait_for(2 * self.writers.count)
        moments = [began, *(moment for moment in self.writers.acknowledged_at if moment > began)]
        self.outages_s.append(max(after - before for before, after in pairwise(moments)))

    @property
    def has_told_all(self) -> bool:
        """Whether each watcher knows of each task that was acknowledged."""
        return all(set(self.writers.acknowledged.values()) <= watcher.known for watcher in self.watchers)


@contextmanager
def trial(home: Path, deployed: Cluster, elsewhere: CrmDatabase) -> Iterator[Trial]:
    """Yield who writes and who watches; at the end nothing may be lost or there twice, nor told twice or not at all.

    Of `elsewhere` nothing is used but its kind.
    """
    addresses = {
        "DATABASE_URL": deployed.url(API, is_pooled=True),
        "LISTEN_DATABASE_URL": deployed.url(API),
        "TASKLINE_IS_POOLED": "true",
    }
    with connected(elsewhere, deployed.url(OWNER)) as owner:
        organization = new_organization(owner)
        contact, viewer = organization.contact(), organization.viewer()
    with served(home, elsewhere, **addresses) as server:
        made = Trial(
            deployed,
            Writers(server.api, viewer, contact, count=8),
            [Watcher(server.api, viewer) for _ in range(2)],
            Readiness(server.api),
        )
        with followed(made):
            yield made
            assert eventually(lambda: made.has_told_all, seconds=30)
    with connected(elsewhere, deployed.url(OWNER)) as owner:
        assert {"lost": 0, "duplicated": 0} == made.writers.faults(owner)
    for watcher in made.watchers:
        assert [] == watcher.strange
        assert [] == [task for task, times in watcher.told.items() if times > 1]
    said = [(watcher.sockets, watcher.expired) for watcher in made.watchers]
    log.info("outages: %s s; sockets and RESUME_EXPIRED: %s", [round(s, 1) for s in made.outages_s], said)
    log.info("%d acknowledged; refused: %s", len(made.writers.acknowledged), dict(made.writers.refused))


@contextmanager
def followed(made: Trial) -> Iterator[None]:
    """Let the watchers watch, and the probe ask, while the block runs."""
    for watcher in made.watchers:
        watcher.read()
    parts: list[Watcher | Readiness] = [*made.watchers, made.readiness]
    with ThreadPoolExecutor(len(parts)) as threads:
        running = [threads.submit(part.run) for part in parts]
        try:
            yield
        finally:
            for part in parts:
                part.is_over.set()
        for ended in running:
            ended.result(DEADLINE_S)
