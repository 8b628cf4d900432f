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
from tests.deadlines import DEADLINE_S, eventually
from tests.organizations import Organization
from tests.restarts import served
from tests.sockets import greeted

pytestmark = pytest.mark.slow

GOING_AWAY = 1001
CLIENTS = 16
PACE_S = 0.05
DELAY_MS = 2_000
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


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_server_with_a_drain_delay_says_that_it_goes_and_serves_on_until_then(
    tmp_path: Path, crm: CrmDatabase, organization: Organization, workers: str
) -> None:
    viewer, settings = organization.viewer(), {"TASKLINE_WORKERS": workers, "TASKLINE_DRAIN_DELAY_MS": str(DELAY_MS)}
    with served(tmp_path, crm, **settings) as server, greeted(server.api, viewer) as socket:
        url, headers = server.process.url, server.api.headers(viewer=viewer)
        ready = httpx2.get(f"{url}/readyz").status_code

        began = time.monotonic()
        server.process.process.send_signal(signal.SIGTERM)
        told = eventually(lambda: not_ready(url))
        last = eventually(lambda: closing(httpx2.post(f"{url}/graphql", json=ASK, headers=headers)))
        with greeted(server.api, viewer) as late:
            handshake = late.connection.response
        socket.subscribe(ASK["query"])
        answer = socket.data()
        code = socket.close_code()
        exit_code = server.process.process.wait(DEADLINE_S)
        took_s = time.monotonic() - began

    assert (200, [{"name": "server", "detail": "It was told to stop."}]) == (ready, told)
    assert last
    assert handshake
    assert ["Upgrade"] == handshake.headers.get_all("Connection")
    assert {"data": {"tasks": {"totalCount": 0}}} == last.json() == {"data": answer}
    assert (GOING_AWAY, 0) == (code, exit_code)
    assert DELAY_MS / 1_000 <= took_s <= longest_end_s(Settings(drain_delay_ms=DELAY_MS))


def not_ready(url: str) -> object:
    """Return what is missing, if the server isn't ready."""
    answer = httpx2.get(f"{url}/readyz")
    return answer.json()["missing"] if answer.status_code == 503 else None


def closing(answer: httpx2.Response) -> httpx2.Response | None:
    """Return the answer if it asks its client to connect anew."""
    return answer if answer.headers.get("connection") == "close" else None
