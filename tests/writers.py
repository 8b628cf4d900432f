"""Many clients that write at once while something fails, and what came of each of their tasks."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import pairwise
from uuid import UUID, uuid4

import httpx2

from resolvers.viewers import Viewer
from tests.apis import Api
from tests.deadlines import DEADLINE_S, eventually
from tests.owners import Owner

CREATE = """mutation ($contact: ID!, $key: String!) {
  createTask(input: {subject: $key, contactId: $contact, idempotencyKey: $key}) { task { id } } }"""
PACE_S = 0.15
"""Between two requests of a writer, so that other tests have something of the machine, too."""


@dataclass(slots=True)
class Writers:
    """Clients that create a task under a key of its own, and send it again until it's acknowledged."""

    api: Api
    """Any client for the right address, which may become another one; the writers have connections of their own."""
    viewer: Viewer
    contact: UUID
    count: int = 32
    attempts: int = 0
    keys: set[str] = field(default_factory=set)
    acknowledged: dict[str, str] = field(default_factory=dict)
    """The id of the task, by key."""
    acknowledged_at: list[float] = field(default_factory=list)
    """When each was, by a clock that goes on evenly."""
    refused: Counter[str] = field(default_factory=Counter)
    """What came instead: a code, or the name of the client's error."""
    _is_over: bool = False

    def during(self, happen: Callable[[], None]) -> None:
        """Write until this has happened, and what is under way then is acknowledged."""
        with ThreadPoolExecutor(1) as threads:
            writing = threads.submit(asyncio.run, self._write_all())
            try:
                happen()
            finally:
                self._is_over = True
            writing.result(DEADLINE_S)

    def wait_for(self, count: int) -> None:
        """Return when so many more have been acknowledged."""
        enough = len(self.acknowledged) + count
        assert eventually(lambda: len(self.acknowledged) >= enough), self.refused

    async def _write_all(self) -> None:
        headers = self.api.headers(viewer=self.viewer)
        limits = httpx2.Limits(max_connections=self.count)
        async with httpx2.AsyncClient(headers=headers, timeout=DEADLINE_S, limits=limits) as client:
            await asyncio.gather(*(self._write(client) for _ in range(self.count)))

    async def _write(self, client: httpx2.AsyncClient) -> None:
        while not self._is_over:
            key = str(uuid4())
            self.keys.add(key)
            is_acknowledged = False
            while not is_acknowledged:
                is_acknowledged = await self._is_acknowledged(client, key)
                await asyncio.sleep(PACE_S)

    async def _is_acknowledged(self, client: httpx2.AsyncClient, key: str) -> bool:
        body = {"query": CREATE, "variables": {"contact": str(self.contact), "key": key}}
        self.attempts += 1
        try:
            answer = (await client.post(self.api.client.base_url.join("/graphql"), json=body)).json()
        except httpx2.TransportError as exc:
            self.refused[type(exc).__name__] += 1
            return False
        if "errors" in answer:
            self.refused.update(error["extensions"]["code"] for error in answer["errors"])
            return False
        self.acknowledged[key] = answer["data"]["createTask"]["task"]["id"]
        self.acknowledged_at.append(time.monotonic())
        return True

    @property
    def longest_pause_s(self) -> float:
        """The longest time in which nobody's task was acknowledged."""
        return max(after - before for before, after in pairwise(self.acknowledged_at))

    @property
    def acknowledged_share(self) -> float:
        return len(self.acknowledged) / self.attempts

    def faults(self, owner: Owner) -> dict[str, int]:
        """Count the acknowledged tasks that aren't there, and the keys under which more than one was made."""
        made = f"organization_id = '{self.viewer.organization_id}' AND interaction_type = 'task'"
        query = f"SELECT subject, json_agg(id) AS ids FROM lead_interactions WHERE {made} GROUP BY subject"
        stored: dict[str, list[str]] = {row["subject"]: row["ids"] for row in owner.rows(query)}
        return {
            "lost": sum(id_ not in stored.get(key, []) for key, id_ in self.acknowledged.items()),
            "duplicated": sum(len(ids) > 1 for ids in stored.values()),
        }
