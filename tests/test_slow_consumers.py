"""Who doesn't receive what was asked for is dropped in time, and costs nobody else memory or time."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr
from websockets.sync.client import connect

from server import sign_in, socket_messages
from settings import Settings
from tests.apis import SECRET
from tests.databases import CrmDatabase
from tests.demos import Running, running
from tests.organizations import Organization
from tests.sockets import PATIENCE_S, PROTOCOL, Socket

pytestmark = [pytest.mark.slow, pytest.mark.long]

BOUND_S = 3
FAR_BOUND_S = 15
"""Nothing but waiting for who was dropped so late would take so long, on the busiest machine."""
TIME_WAIT, LISTEN = "06", "0A"  # states of a connection in /proc/net/tcp
EVENTS, SIZE = 1_500, 60_000
"""90 MB for each who watches: many times what lies in the buffers of a connection."""
WATCH = "subscription { taskEvents { taskId task { description } } }"


@dataclass(frozen=True, slots=True)
class Served:
    """The API in a process of its own, and somebody's way to it."""

    process: Running
    token: str

    @contextmanager
    def watching(self, query: str) -> Iterator[Socket]:
        """Subscribe; the client takes no message that isn't asked for, and says nothing more of its own."""
        with connect(
            self.process.url.replace("http://", "ws://") + "/graphql",
            subprotocols=[PROTOCOL],
            compression=None,
            max_queue=1,
            ping_interval=None,
            close_timeout=0,
        ) as connection:
            client = Socket(connection)
            client.send(type="connection_init", payload={"authorization": f"Bearer {self.token}"})
            assert {"type": "connection_ack"} == client.receive()
            client.subscribe(query)
            yield client

    def resident_mb(self) -> float:
        pages = int(Path(f"/proc/{self.process.process.pid}/statm").read_text().split()[1])
        return pages * 4_096 / 1_000_000

    def unsent(self) -> list[int]:
        """Return of each connection with a client how many bytes are waiting for it in the system."""
        port = f":{int(self.process.url.rpartition(':')[2]):04X}"
        _, *lines = (line.split() for line in Path("/proc/net/tcp").read_text().splitlines())
        ours = [line for line in lines if line[1].endswith(port) and line[3] not in {LISTEN, TIME_WAIT}]
        return [int(line[4].partition(":")[0], 16) for line in ours]

    def wait_until_stuck(self, for_s: float) -> None:
        """Return when bytes have waited for the only client for so long, and none of them has been taken."""
        known, since = [0], time.monotonic()
        deadline = since + PATIENCE_S
        while known == [0] or time.monotonic() < since + for_s:
            assert time.monotonic() < deadline, known
            if (unsent := self.unsent()) != known:
                known, since = unsent, time.monotonic()
            time.sleep(0.05)


@pytest.fixture(params=[BOUND_S])
def served(
    request: pytest.FixtureRequest, tmp_path: Path, crm: CrmDatabase, organization: Organization
) -> Iterator[Served]:
    given = {
        "DATABASE_URL": crm.app_url,
        "TASKLINE_JWT_SECRET": SECRET,
        "TASKLINE_RECEIVE_TIMEOUT_MS": f"{request.param * 1_000}",
    }
    token = sign_in.issue(Settings(jwt_secret=SecretStr(SECRET)), organization.viewer(), lifetime=timedelta(minutes=5))
    with running(tmp_path, "serve", "--port", "0", **given) as process:
        yield Served(process, token)


def write_much(organization: Organization) -> None:
    contact = organization.contact()
    organization.owner.run(
        f"""INSERT INTO lead_interactions (organization_id, user_id, contact_id, interaction_type, status, description)
            SELECT '{organization.id}', '{organization.user_id}', '{contact}', 'task', 'pending', repeat('x', {SIZE})
              FROM generate_series(1, {EVENTS})"""
    )


@pytest.mark.parametrize("served", [FAR_BOUND_S], indirect=True)
def test_who_stops_receiving_delays_nobody_and_takes_no_memory(served: Served, organization: Organization) -> None:
    with served.watching(WATCH), served.watching("subscription { taskEvents { taskId } }") as reader:
        before_mb = served.resident_mb()
        write_much(organization)

        reader.data()
        waits = []
        for _ in range(EVENTS - 1):
            began = time.monotonic()
            reader.data()
            waits.append(time.monotonic() - began)

        assert max(waits) < FAR_BOUND_S
        assert served.resident_mb() - before_mb < EVENTS * SIZE / 1_000_000 / 2


def test_who_receives_again_is_told_why_they_were_dropped(served: Served, organization: Organization) -> None:
    with served.watching(WATCH) as slow:
        write_much(organization)
        served.wait_until_stuck(1.5 * BOUND_S)

        assert socket_messages.TOO_LATE == slow.close_code()


def test_who_never_receives_again_is_let_go(served: Served, organization: Organization) -> None:
    with served.watching(WATCH):
        write_much(organization)
        served.wait_until_stuck(BOUND_S / 2)

        deadline = time.monotonic() + PATIENCE_S
        while served.unsent():
            assert time.monotonic() < deadline
            time.sleep(0.05)
