"""Clients that ask, write and watch all the time, and what came of each request: for tests in which none may fail."""

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import httpx2
from websockets.exceptions import ConnectionClosed

from resolvers.viewers import Viewer
from tests.apis import Api
from tests.deadlines import DEADLINE_S, eventually
from tests.owners import Owner
from tests.sockets import Socket, greeted

ASK = "{ tasks(first: 5) { nodes { id subject } } }"
CREATE = """mutation ($contact: ID!, $subject: String!) {
  createTask(input: {subject: $subject, contactId: $contact}) { task { id } errors { __typename } } }"""
WATCH = "subscription ($since: String) { taskEvents(since: $since) { cursor type task { subject } } }"
PACE_S = 0.1
"""Between two requests of a client: all of them together leave something of the machine to the servers."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A request that wasn't answered as it should."""

    began: float
    took_s: float
    kind: str
    what: str


@dataclass(slots=True)
class Clients:
    """Clients that send queries and changes by GraphQL and REST in turn. No change has a key, or is sent again."""

    api: Api
    """Any client for the right address; these have connections of their own."""
    viewer: Viewer
    contact: UUID
    count: int = 8
    answered: Counter[str] = field(default_factory=Counter)
    failed: list[Failure] = field(default_factory=list)
    acknowledged: dict[str, str] = field(default_factory=dict)
    """The id of the task, by subject."""
    _is_over: bool = False

    def during(self, happen: Callable[[], None]) -> None:
        """Ask until this has happened."""
        with ThreadPoolExecutor(1) as threads:
            asking = threads.submit(asyncio.run, self._ask_all())
            try:
                happen()
            finally:
                self._is_over = True
            asking.result(DEADLINE_S)

    def wait_for(self, count: int) -> None:
        """Return when so many more have been answered."""
        enough = self.answered.total() + count
        assert eventually(lambda: self.answered.total() >= enough), self.failed

    async def _ask_all(self) -> None:
        headers, address = self.api.headers(viewer=self.viewer), self.api.client.base_url
        # Half of them keep their connections, the others make one for each request.
        limits = [httpx2.Limits(max_keepalive_connections=kept) for kept in (None, 0)]
        async with (
            httpx2.AsyncClient(base_url=address, headers=headers, timeout=DEADLINE_S, limits=limits[0]) as keeping,
            httpx2.AsyncClient(base_url=address, headers=headers, timeout=DEADLINE_S, limits=limits[1]) as closing,
        ):
            await asyncio.gather(*(self._ask((keeping, closing)[number % 2]) for number in range(self.count)))

    async def _ask(self, client: httpx2.AsyncClient) -> None:
        kinds = (self._query, self._create, self._query_by_get, self._create_by_rest, self._list_by_rest)
        while not self._is_over:
            for kind in kinds:
                await self._count(kind.__name__.strip("_"), kind(client))
                await asyncio.sleep(PACE_S)

    async def _count(self, kind: str, asking: Awaitable[str | None]) -> None:
        began = time.monotonic()
        try:
            what = await asking
        except httpx2.TransportError as exc:
            what = repr(exc)
        if what is None:
            self.answered[kind] += 1
        else:
            self.failed.append(Failure(began, time.monotonic() - began, kind, what))

    async def _query(self, client: httpx2.AsyncClient) -> str | None:
        return _wrong(await client.post("/graphql", json={"query": ASK}))

    async def _query_by_get(self, client: httpx2.AsyncClient) -> str | None:
        return _wrong(await client.get("/graphql", params={"query": ASK}))

    async def _list_by_rest(self, client: httpx2.AsyncClient) -> str | None:
        return _wrong(await client.get("/api/tasks", params={"limit": 5}))

    async def _create(self, client: httpx2.AsyncClient) -> str | None:
        subject = str(uuid4())
        variables = {"contact": str(self.contact), "subject": subject}
        answer = await client.post("/graphql", json={"query": CREATE, "variables": variables})
        if wrong := _wrong(answer):
            return wrong
        self.acknowledged[subject] = answer.json()["data"]["createTask"]["task"]["id"]
        return None

    async def _create_by_rest(self, client: httpx2.AsyncClient) -> str | None:
        subject = str(uuid4())
        answer = await client.post("/api/tasks", json={"subject": subject, "contact_id": str(self.contact)})
        if wrong := _wrong(answer):
            return wrong
        self.acknowledged[subject] = answer.json()["task"]["id"]
        return None

    def faults(self, owner: Owner) -> dict[str, int]:
        """Count the acknowledged tasks that aren't there, and the subjects that more than one has."""
        made = f"organization_id = '{self.viewer.organization_id}' AND interaction_type = 'task'"
        query = f"SELECT subject, json_agg(id) AS ids FROM lead_interactions WHERE {made} GROUP BY subject"
        stored: dict[str, list[str]] = {row["subject"]: row["ids"] for row in owner.rows(query)}
        return {
            "lost": sum(id_ not in stored.get(subject, []) for subject, id_ in self.acknowledged.items()),
            "duplicated": sum(len(ids) > 1 for ids in stored.values()),
        }


def _wrong(answer: httpx2.Response) -> str | None:
    """Return what is wrong with an answer, if anything is."""
    if answer.status_code in {200, 201} and "errors" not in (body := answer.json()) and not _refused(body):
        return None
    return f"{answer.status_code}: {answer.text[:300]}"


def _refused(body: Any) -> bool:
    return any(payload.get("errors") for payload in (body.get("data") or {}).values() if isinstance(payload, dict))


@dataclass(slots=True)
class Watcher:
    """A client that is told of new tasks, and goes on where it was when its connection ends."""

    api: Api
    viewer: Viewer
    since: str
    told: Counter[str] = field(default_factory=Counter)
    """How often, by subject."""
    ends: list[int | None] = field(default_factory=list)
    """The close codes of the connections that ended; none where it broke."""
    is_watching: threading.Event = field(default_factory=threading.Event)
    is_over: bool = False

    def watch(self) -> None:
        """Watch until it is over."""
        while not self.is_over:
            try:
                with greeted(self.api, self.viewer) as socket:
                    socket.subscribe(WATCH, {"since": self.since})
                    self.is_watching.set()
                    self._receive(socket)
            except ConnectionClosed as closed:
                self.ends.append(closed.rcvd.code if closed.rcvd else None)

    def _receive(self, socket: Socket) -> None:
        while not self.is_over:
            try:
                event = socket.data(0.2)["taskEvents"]
            except TimeoutError:
                continue
            self.since = event["cursor"]
            if event["type"] == "CREATED":
                self.told[event["task"]["subject"]] += 1


@contextmanager
def watching(api: Api, viewer: Viewer, count: int) -> Iterator[list[Watcher]]:
    """Yield so many watchers, connected one after the other; at the end they stop."""
    now = api.data(viewer, "{ tasks(first: 1) { resumeToken } }")["tasks"]["resumeToken"]
    watchers = [Watcher(api, viewer, now) for _ in range(count)]
    with ThreadPoolExecutor(count) as threads:
        try:
            running = []
            for watcher in watchers:
                running.append(threads.submit(watcher.watch))
                assert watcher.is_watching.wait(DEADLINE_S)
            yield watchers
        finally:
            for watcher in watchers:
                watcher.is_over = True
        for each in running:
            each.result(DEADLINE_S)
