"""Three servers of one database behind HAProxy, with the file in deploy/: one after the other goes, unnoticed."""

import configparser
import re
import shutil
import signal
import socketserver
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2
import psutil
import pytest
from pydantic import SecretStr

from commands import serving
from settings import Settings
from tests.apis import SECRET, Api
from tests.balancers import CONFIG, SERVERS, Balancer, balancer
from tests.conftest import versions
from tests.databases import CrmDatabase
from tests.deadlines import DEADLINE_S, eventually
from tests.demos import ROOT
from tests.organizations import Organization
from tests.programs import program
from tests.restarts import Served, served
from tests.steady_clients import Clients, watching

pytestmark = pytest.mark.slow

GOING_AWAY = 1001
UNIT = ROOT / "deploy" / "systemd" / "taskline.service"
CHECK_S = 1.0  # `inter`
NOWHERE = "127.0.0.1:1"
# What an answer may take when many tests share the machine; three pools share a server with them.
SETTINGS = {f"TASKLINE_{name}_MS": "15000" for name in ("REQUEST_TIMEOUT", "STATEMENT_TIMEOUT", "POOL_WAIT")} | {
    "TASKLINE_POOL_SIZE": "4"
}
one_postgres = pytest.mark.parametrize("postgres", versions()[:1], indirect=True)  # it has no part in this


def unit() -> dict[str, str]:
    """Return what systemd is told of the service, the variables of its environment among it."""
    parser = configparser.ConfigParser(interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(UNIT)
    told = dict(parser["Service"])
    return told | dict(pair.split("=") for pair in told["Environment"].split())


@dataclass(frozen=True, slots=True)
class Trio:
    """Three servers, and the one address of all."""

    servers: list[Served]
    balancer: Balancer
    api: Api

    def wait_until_up(self) -> None:
        assert eventually(lambda: ["UP"] * 3 == self.balancer.states()), self.balancer.states()


@pytest.fixture(scope="module")
def trio(tmp_path_factory: pytest.TempPathFactory, crm: CrmDatabase) -> Iterator[Trio]:
    folder = tmp_path_factory.mktemp("trio")
    delay = unit()["TASKLINE_DRAIN_DELAY_MS"]
    with ExitStack() as stack:
        servers = [stack.enter_context(served(folder, crm, TASKLINE_DRAIN_DELAY_MS=delay, **SETTINGS)) for _ in SERVERS]
        addresses = [f"127.0.0.1:{server.api.client.base_url.port}" for server in servers]
        before = stack.enter_context(balancer(folder, addresses))
        client = stack.enter_context(httpx2.Client(base_url=before.url, timeout=DEADLINE_S))
        yield Trio(servers, before, Api(Settings(jwt_secret=SecretStr(SECRET)), client))
        for server in servers:  # what ends them is their second Ctrl-C, which waits for nobody
            server.process.process.send_signal(signal.SIGINT)


# The servers go, and come back.


@one_postgres
def test_a_rolling_restart_fails_no_request_and_loses_no_event(trio: Trio, organization: Organization) -> None:
    trio.wait_until_up()
    viewer = organization.viewer()
    clients = Clients(trio.api, viewer, organization.contact())
    downs = trio.balancer.count("chkdown")

    def restart_all() -> None:
        for server in trio.servers:
            clients.wait_for(50)
            server.restart(signal.SIGTERM)
            trio.wait_until_up()
        clients.wait_for(50)

    with watching(trio.api, viewer, len(SERVERS)) as watchers:
        assert [1, 1, 1] == trio.balancer.count("scur")  # one at each server
        clients.during(restart_all)
        assert eventually(lambda: all(clients.acknowledged.keys() <= watcher.told.keys() for watcher in watchers))

    assert [] == clients.failed
    assert {"lost": 0, "duplicated": 0} == clients.faults(organization.owner)
    for watcher in watchers:
        assert Counter(clients.acknowledged.keys()) == watcher.told
        assert watcher.ends
        assert {GOING_AWAY} == set(watcher.ends)
    assert 5 == len(clients.answered)  # all kinds
    assert [down + 1 for down in downs] == trio.balancer.count("chkdown")
    assert [0, 0, 0] == trio.balancer.count("wredis")  # each was out before its port closed
    assert all(trio.balancer.count("hrsp_2xx"))


@one_postgres
def test_a_killed_process_fails_only_what_was_under_way_there(trio: Trio, organization: Organization) -> None:
    trio.wait_until_up()
    viewer = organization.viewer()
    clients = Clients(trio.api, viewer, organization.contact())
    killed_at = 0.0

    def kill() -> None:
        nonlocal killed_at
        clients.wait_for(50)
        killed_at = time.monotonic()
        trio.servers[0].restart(signal.SIGKILL)
        trio.wait_until_up()
        clients.wait_for(50)

    with watching(trio.api, viewer, len(SERVERS)) as watchers:
        clients.during(kill)
        assert eventually(lambda: all(clients.acknowledged.keys() <= watcher.told.keys() for watcher in watchers))

    assert len(clients.failed) <= clients.count
    assert [] == [failure for failure in clients.failed if failure.began > killed_at + CHECK_S]
    assert {"lost": 0, "duplicated": 0} == clients.faults(organization.owner)
    assert all(set(watcher.told.values()) == {1} for watcher in watchers)
    assert [0, 0, 1] == sorted(len(watcher.ends) for watcher in watchers)


@one_postgres
def test_a_frozen_process_is_taken_out_and_comes_back(trio: Trio, organization: Organization) -> None:
    trio.wait_until_up()
    clients = Clients(trio.api, organization.viewer(), organization.contact())
    frozen = psutil.Process(trio.servers[1].process.process.pid)
    out_at = 0.0

    def freeze() -> None:
        nonlocal out_at
        clients.wait_for(50)
        frozen.suspend()
        try:
            assert eventually(lambda: ["UP", "DOWN", "UP"] == trio.balancer.states()), trio.balancer.states()
            out_at = time.monotonic()
            clients.wait_for(50)
        finally:
            frozen.resume()
        trio.wait_until_up()

    clients.during(freeze)

    assert [] == [failure for failure in clients.failed if failure.began > out_at]
    assert len(clients.failed) <= clients.count
    assert {"lost": 0, "duplicated": 0} == clients.faults(organization.owner)


# What HAProxy does with a request, whoever answers.


class Odd(socketserver.StreamRequestHandler):
    """Says that it is ready, and hands any other request to what the test wants."""

    server: "OddServer"

    def handle(self) -> None:
        line = self.rfile.readline().decode()
        headers = [header for header in iter(self.rfile.readline, b"\r\n") if header]
        if line.startswith("GET /readyz"):
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        elif line:
            self.server.seen.append(line + b"".join(headers).decode())
            self.wfile.write(self.server.answer)


class OddServer(socketserver.ThreadingTCPServer):
    """A server that gives one answer, if any, and closes the connection."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, answer: bytes, seen: list[str]) -> None:
        super().__init__(("127.0.0.1", 0), Odd)
        self.answer, self.seen = answer, seen


@contextmanager
def odd_servers(answer: bytes, seen: list[str]) -> Iterator[list[str]]:
    """Yield the addresses of three such servers; `seen` are the heads of the requests that any of them got."""
    with ExitStack() as stack:
        servers = [stack.enter_context(OddServer(answer, seen)) for _ in SERVERS]
        for server in servers:
            threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
            stack.callback(server.shutdown)
        yield [f"127.0.0.1:{server.server_address[1]}" for server in servers]


SILENCE = b""
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n{}"


@pytest.mark.parametrize(
    ("method", "sent"), [("GET", 4), ("HEAD", 4), ("POST", 1), ("PATCH", 1), ("DELETE", 1), ("PUT", 1)]
)
def test_what_got_no_answer_is_sent_again_only_if_it_reads(tmp_path: Path, method: str, sent: int) -> None:
    seen: list[str] = []
    with odd_servers(SILENCE, seen) as servers, balancer(tmp_path, servers) as before:
        answer = httpx2.request(method, f"{before.url}/graphql", timeout=DEADLINE_S)

    assert (502, sent) == (answer.status_code, len(seen))
    if method != "HEAD":
        assert ["UNAVAILABLE"] == codes(answer)
    assert "retry-after" not in answer.headers


def test_whatever_a_server_cant_be_given_goes_to_another(tmp_path: Path) -> None:
    seen: list[str] = []
    with odd_servers(ANSWER, seen) as (server, *_), balancer(tmp_path, [NOWHERE, NOWHERE, server]) as before:
        statuses = [httpx2.post(f"{before.url}/graphql", json={}).status_code for _ in range(6)]

    assert ([200] * 6, 6) == (statuses, len(seen))


def test_what_nobody_can_take_is_refused_as_taskline_does(tmp_path: Path) -> None:
    with balancer(tmp_path, [NOWHERE] * 3) as before:
        answer = httpx2.post(f"{before.url}/graphql", json={})

    assert (503, "2", ["UNAVAILABLE"]) == (answer.status_code, answer.headers["retry-after"], codes(answer))


def test_who_asks_is_told_by_the_proxy_and_nobody_else(tmp_path: Path) -> None:
    seen: list[str] = []
    claims = {"X-Forwarded-For": "192.0.2.1", "X-Forwarded-Proto": "https"}
    with odd_servers(ANSWER, seen) as servers, balancer(tmp_path, servers) as before:
        httpx2.get(f"{before.url}/graphql", headers=claims)

    (head,) = seen
    assert ["x-forwarded-for: 127.0.0.1", "x-forwarded-proto: http"] == re.findall(r"(?im)^(x-forwarded-.+?)\r?$", head)


@pytest.mark.parametrize("path", ["/readyz", "/healthz", "/%72eadyz"])
def test_health_is_not_for_outside(tmp_path: Path, path: str) -> None:
    seen: list[str] = []
    with odd_servers(ANSWER, seen) as servers, balancer(tmp_path, servers) as before:
        assert 404 == httpx2.get(f"{before.url}{path}").status_code

    assert [] == seen


def codes(answer: httpx2.Response) -> list[str]:
    return [error["extensions"]["code"] for error in answer.json()["errors"]]


# The files fit each other.


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="there is no systemd")
def test_the_service_is_one_that_systemd_has_nothing_to_say_about(tmp_path: Path) -> None:
    copy = tmp_path / UNIT.name
    copy.write_text(UNIT.read_text().replace("/opt/taskline/taskline", shutil.which("true") or ""))

    done = subprocess.run(["systemd-analyze", "verify", str(copy)], capture_output=True, text=True, check=False)

    assert (0, "") == (done.returncode, done.stdout + done.stderr)


def test_the_service_writes_where_the_audit_trail_is_kept_and_nowhere_else() -> None:
    told = unit()

    assert ("true", "strict") == (told["NoNewPrivileges"], told["ProtectSystem"])
    assert "ReadWritePaths" not in told
    assert f"TASKLINE_AUDIT_FILE=/var/log/{told['LogsDirectory']}/" in (ROOT / ".env.example").read_text()


def test_the_file_is_one_that_haproxy_has_nothing_to_say_about() -> None:
    done = subprocess.run([program("haproxy"), "-c", "-f", str(CONFIG)], capture_output=True, text=True, check=False)

    assert 0 == done.returncode, done.stderr
    assert not re.search("WARNING|ALERT", done.stdout + done.stderr), done.stdout + done.stderr


def test_a_server_that_goes_is_seen_to_go_before_it_is_gone_and_has_time_for_it() -> None:
    (inter, fast, fall) = re.findall(
        r"default-server check inter (\d+)s fastinter (\d+)ms fall (\d+)", CONFIG.read_text()
    )[0]
    seen_after_ms = int(inter) * 1_000 + int(fast) * (int(fall) - 1)
    told = unit()
    delay_ms = int(told["TASKLINE_DRAIN_DELAY_MS"])

    assert CHECK_S == int(inter)
    assert 2 * seen_after_ms <= delay_ms
    assert int(told["TimeoutStopSec"]) > serving.longest_end_s(Settings(drain_delay_ms=delay_ms))
    assert "mixed" == told["KillMode"]  # a worker that is told by itself takes no time
