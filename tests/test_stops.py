"""SIGTERM: what is under way is answered, sockets are told, and the process is gone in time."""

import asyncio
import signal
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx2
import pytest

from commands.serving import longest_end_s
from resolvers.viewers import Viewer
from settings import Settings
from tests.apis import Api
from tests.databases import CrmDatabase
from tests.deadlines import DEADLINE_S
from tests.organizations import Organization
from tests.restarts import served
from tests.sockets import greeted

pytestmark = pytest.mark.slow

GOING_AWAY = 1001
CLIENTS = 16
PACE_S = 0.05
ASK = {"query": "{ tasks { totalCount } }"}


async def ask_steadily(api: Api, viewer: Viewer, warm: threading.Event) -> Counter[str]:
    """Ask by many clients, each by a connection that it keeps, until new ones are refused; return what came of it."""
    headers, came = api.headers(viewer=viewer), Counter[str]()

    async def ask(client: httpx2.AsyncClient) -> None:
        while True:
            try:
                came[str((await client.post("/graphql", json=ASK)).status_code)] += 1
            except httpx2.ConnectError:
                return
            except httpx2.TransportError as exc:
                came[type(exc).__name__] += 1
            if came["200"] > 3 * CLIENTS:
                warm.set()
            await asyncio.sleep(PACE_S)

    async with httpx2.AsyncClient(base_url=api.client.base_url, headers=headers, timeout=DEADLINE_S) as client:
        await asyncio.gather(*(ask(client) for _ in range(CLIENTS)))
    return came


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_server_that_stops_cuts_no_request_and_tells_its_sockets(
    tmp_path: Path, crm: CrmDatabase, organization: Organization, workers: str
) -> None:
    viewer, warm = organization.viewer(), threading.Event()
    with (
        served(tmp_path, crm, TASKLINE_WORKERS=workers) as server,
        greeted(server.api, viewer) as socket,
        ThreadPoolExecutor(1) as threads,
    ):
        socket.subscribe("subscription { taskEvents { cursor } }")
        asking = threads.submit(asyncio.run, ask_steadily(server.api, viewer, warm))
        assert warm.wait(DEADLINE_S)

        began = time.monotonic()
        server.process.process.send_signal(signal.SIGTERM)
        code = socket.close_code()
        exit_code = server.process.process.wait(DEADLINE_S)
        took_s = time.monotonic() - began

        assert {"200"} == set(asking.result())
    assert (GOING_AWAY, 0) == (code, exit_code)
    assert took_s <= longest_end_s(Settings()) == 12  # docs/faults.md
