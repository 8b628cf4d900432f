"""`./taskline serve --workers 2`: one API by several processes, which come and go together."""

import asyncio
import os
import signal
import socket
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import httpx2
import psutil
import pytest

from commands import workers
from errors import WorkerNotStarted
from tests.databases import APP, APP_PASSWORD, CrmDatabase
from tests.deadlines import DEADLINE_S, eventually
from tests.demos import ROOT, running, starting, taskline
from tests.organizations import Organization
from tests.owners import Owner
from tests.served_workers import Served, served, settings_of, workers_of
from tests.sockets import Socket

pytestmark = pytest.mark.slow

GOING_AWAY = 1001
WATCH = "subscription($since: String) { taskEvents(since: $since) { cursor task { subject } } }"
CREATE = "mutation($input: CreateTaskInput!) { createTask(input: $input) { task { id } errors { __typename } } }"
HALF_STARTED = 40_000_000  # bytes: Python runs in it, and imports
LONG_LIMITS = {f"TASKLINE_{name}_TIMEOUT_MS": "600000" for name in ("LOCK", "STATEMENT", "REQUEST")}
# An app.py of our own in front of the real one, which a file keeps from starting.
APP_WITH_A_SWITCH = f"""
import runpy
from pathlib import Path
if Path(__file__).with_name("is_broken").exists():
    raise RuntimeError("No such thing.")
create = runpy.run_path({str(ROOT / "app.py")!r})["create"]
"""


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory, crm: CrmDatabase) -> Iterator[Served]:
    """Two workers, for tests that leave two behind."""
    with served(tmp_path_factory.mktemp("home"), crm) as pair:
        yield pair


def subjects(socket: Socket, count: int) -> list[str]:
    return [socket.data()["taskEvents"]["task"]["subject"] for _ in range(count)]


# Live events.


def test_what_anybody_writes_reaches_the_clients_of_every_worker(pair: Served, organization: Organization) -> None:
    contact = organization.contact()
    first, second = pair.workers()
    with (
        pair.socket(first, organization.viewer()) as of_first,
        pair.socket(second, organization.viewer()) as of_second,
        pair.api(first) as api,
    ):
        for socket in (of_first, of_second):
            socket.subscribe(WATCH, {"since": now(socket)})
        api.data(organization.viewer(), CREATE, input={"subject": "by a worker", "contactId": str(contact)})
        told = [subjects(socket, 1) for socket in (of_first, of_second)]
        organization.owner.database.psql(
            f"""INSERT INTO lead_interactions (organization_id, user_id, contact_id, interaction_type, status, subject)
                VALUES ('{organization.id}', '{organization.user_id}', '{contact}', 'task', 'pending', 'by psql')"""
        )

        assert [["by a worker"]] * 2 == told
        assert [["by psql"]] * 2 == [subjects(socket, 1) for socket in (of_first, of_second)]


def now(socket: Socket) -> str:
    """Return the place in the stream that this socket's worker sees as its end."""
    socket.subscribe("{ tasks(first: 1) { resumeToken } }")
    token: str = socket.data()["tasks"]["resumeToken"]
    assert "complete" == socket.receive()["type"]
    return token


def test_each_worker_listens_for_itself(tmp_path: Path, database: CrmDatabase) -> None:
    of_database = f"application_name = 'taskline live' AND datname = '{database.name}'"
    waiting_for_word = f"SELECT count(*) FROM pg_stat_activity WHERE {of_database}"

    with served(tmp_path, database):
        assert eventually(lambda: "2" == database.psql(waiting_for_word))


def test_clients_of_a_killed_worker_go_on_at_another_without_gap_or_repeat(
    pair: Served, organization: Organization
) -> None:
    contact = organization.contact()
    killed, other = pair.workers()
    with pair.socket(killed, organization.viewer()) as lost, pair.socket(other, organization.viewer()) as kept:
        for socket in (lost, kept):
            socket.subscribe(WATCH, {"since": now(socket)})
        organization.tasks([{"contact_id": contact, "subject": "before"}])
        seen = lost.data()["taskEvents"]
        killed.kill()
        assert lost.close_code() is None
        organization.tasks([{"contact_id": contact, "subject": "meanwhile"}])
        assert eventually(lambda: f"worker {killed.pid} ended (SIGKILL)" in pair.process.text)
        assert eventually(lambda: len(pair.workers()) == 2)
        (new,) = (worker for worker in pair.workers() if worker != other)
        with pair.socket(new, organization.viewer()) as again, pair.socket(other, organization.viewer()) as elsewhere:
            for socket in (again, elsewhere):
                socket.subscribe(WATCH, {"since": seen["cursor"]})
            organization.tasks([{"contact_id": contact, "subject": "after"}])

            assert ["meanwhile", "after"] == subjects(again, 2) == subjects(elsewhere, 2)
        assert ["before", "meanwhile", "after"] == subjects(kept, 3)


@pytest.mark.long
def test_a_worker_that_hangs_is_replaced(tmp_path: Path, crm: CrmDatabase) -> None:
    with served(tmp_path, crm) as pair:
        hanging, other = pair.workers()
        hanging.suspend()

        assert eventually(lambda: f"worker {hanging.pid} ended (SIGKILL)" in pair.process.text)
        assert f"worker {hanging.pid} has said nothing for 30 s: it hangs" in pair.process.text
        assert eventually(lambda: len(pair.workers()) == 2)
        assert other in pair.workers()


# The end.


def test_sigterm_lets_every_worker_finish_and_closes_its_sockets(
    tmp_path: Path, crm: CrmDatabase, owner: Owner, organization: Organization
) -> None:
    viewer = organization.viewer()
    with served(tmp_path, crm, **LONG_LIMITS) as pair:
        processes = pair.workers()
        with ExitStack() as stack, ThreadPoolExecutor() as threads:
            apis = [stack.enter_context(pair.api(worker)) for worker in processes]
            sockets = [stack.enter_context(pair.socket(worker, viewer)) for worker in processes]
            with owner.locked("lead_interactions"):
                answers = [threads.submit(api.data, viewer, "{ tasks { totalCount } }") for api in apis]
                owner.wait_for_waiters(2)
                pair.process.process.send_signal(signal.SIGTERM)
                codes = [socket.close_code() for socket in sockets]
                assert eventually(lambda: is_refused(pair.process.url))

            assert [{"tasks": {"totalCount": 0}}] * 2 == [answer.result() for answer in answers]
            assert [GOING_AWAY] * 2 == codes
        assert 0 == pair.process.process.wait(DEADLINE_S)
        assert [] == [worker for worker in processes if worker.is_running()]
        assert "Traceback" not in pair.process.text


def is_refused(url: str) -> bool:
    try:
        httpx2.get(url)
    except httpx2.ConnectError:
        return True
    except httpx2.HTTPError:
        return False
    return False


def test_ctrl_c_ends_all_without_a_word(tmp_path: Path, crm: CrmDatabase) -> None:
    with served(tmp_path, crm) as pair:
        processes, said = pair.workers(), pair.process.text

        os.killpg(pair.process.process.pid, signal.SIGINT)

        assert 0 == pair.process.process.wait(DEADLINE_S)
        assert [] == [worker for worker in processes if worker.is_running()]
        assert said == pair.process.text


def test_ctrl_c_before_they_are_up_ends_all_without_a_word(tmp_path: Path, crm: CrmDatabase) -> None:
    with starting(tmp_path, "serve", "--port", "0", "--workers", "2", **settings_of(crm)) as process:
        process.wait_until(lambda: any(worker.memory_info().rss > HALF_STARTED for worker in workers_of(process)))
        processes = workers_of(process)

        os.killpg(process.process.pid, signal.SIGINT)

        assert 0 == process.process.wait(DEADLINE_S)
        assert [] == [worker for worker in processes if worker.is_running()]
        assert "" == process.text


def test_ctrl_c_again_waits_for_no_client(
    tmp_path: Path, crm: CrmDatabase, owner: Owner, organization: Organization
) -> None:
    with served(tmp_path, crm, **LONG_LIMITS) as pair, ExitStack() as stack, ThreadPoolExecutor() as threads:
        api = stack.enter_context(pair.api(pair.workers()[0]))
        with owner.locked("lead_interactions"):
            threads.submit(api.ask, "{ tasks { totalCount } }", viewer=organization.viewer())
            owner.wait_for_waiters()
            pair.process.process.send_signal(signal.SIGINT)
            assert eventually(lambda: is_refused(pair.process.url))

            assert 0 == pair.process.stop(signal.SIGINT)


def test_a_worker_that_is_told_alone_waits_for_nobody_and_ctrl_c_again_cuts_the_delay_of_all(
    tmp_path: Path, crm: CrmDatabase
) -> None:
    with served(tmp_path, crm, TASKLINE_DRAIN_DELAY_MS="600000") as pair:
        told, other = pair.workers()
        told.terminate()
        told.wait(DEADLINE_S)
        assert eventually(lambda: len(pair.workers()) == 2)
        (new,) = (worker for worker in pair.workers() if worker != other)
        with pair.api(new) as api:  # it is up
            pair.process.process.send_signal(signal.SIGINT)
            assert eventually(lambda: api.client.get("/readyz").status_code == 503)

        assert 0 == pair.process.stop(signal.SIGINT)


@pytest.mark.parametrize("deaf_s", [0, 3])
def test_workers_end_when_whoever_started_them_is_killed(tmp_path: Path, crm: CrmDatabase, deaf_s: int) -> None:
    with served(tmp_path, crm) as pair:
        processes = pair.workers()
        psutil.Process(pair.process.process.pid).suspend()
        time.sleep(deaf_s)  # what workers say meanwhile is never heard

        pair.process.stop(signal.SIGKILL)

        _, left = psutil.wait_procs(processes, DEADLINE_S)
        for worker in left:  # whoever reads what they say would wait for them
            worker.kill()
        assert [] == left


def test_a_worker_that_doesnt_end_is_killed() -> None:
    async def stopped() -> int | None:
        process = await asyncio.create_subprocess_exec(sys.executable, "-c", "import time; time.sleep(600)")
        ours, theirs = socket.socketpair()
        with theirs:
            await workers.Worker(process, ours).stop(0.01)
        return process.returncode

    assert -signal.SIGKILL == asyncio.run(stopped())


# A start that fails.


def test_a_port_in_use_is_one_clear_sentence(tmp_path: Path, crm: CrmDatabase) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        one, two = (
            taskline(tmp_path, "serve", "--port", port, "--workers", count, **settings_of(crm)) for count in ("1", "2")
        )

    assert (1, 1) == (two.returncode, two.stderr.count("\n"))
    assert one.stderr == two.stderr


def test_a_database_that_refuses_us_is_one_clear_sentence(tmp_path: Path, crm: CrmDatabase) -> None:
    url = crm.server.url("no_such_database", APP, password=APP_PASSWORD)

    done = taskline(tmp_path, "serve", "--port", "0", "--workers", "2", **settings_of(crm) | {"DATABASE_URL": url})

    assert (1, 1) == (done.returncode, done.stderr.count("\n"))
    assert "DATABASE_URL" in done.stderr


def test_a_database_that_is_away_is_said_once_and_waited_for(tmp_path: Path, crm: CrmDatabase) -> None:
    away = settings_of(crm) | {"DATABASE_URL": "postgresql://somebody@127.0.0.1:1/crm"}

    with running(tmp_path, "serve", "--port", "0", "--workers", "2", **away) as process:
        assert 1 == process.text.count("Serving all the same")
        assert 503 == httpx2.get(f"{process.url}/readyz").status_code


def test_what_keeps_a_worker_from_starting_is_said_once(tmp_path: Path, crm: CrmDatabase) -> None:
    (tmp_path / "app.py").write_text(APP_WITH_A_SWITCH)
    (tmp_path / "is_broken").touch()

    done = taskline(tmp_path, "serve", "--port", "0", "--workers", "2", **settings_of(crm), **in_front(tmp_path))

    assert 1 == done.returncode
    assert 1 == done.stderr.count("RuntimeError: No such thing.")
    assert 1 == done.stderr.count("Traceback")
    assert done.stderr.splitlines()[-1].startswith(
        "taskline: A server process ended before it could serve (exit code 1)"
    )


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_setting_that_cant_be_used_is_said_in_one_sentence(tmp_path: Path, crm: CrmDatabase, workers: str) -> None:
    given = settings_of(crm) | {"TASKLINE_TRUSTED_DOCUMENTS_FILE": str(tmp_path / "nowhere.json")}

    done = taskline(tmp_path, "serve", "--port", "0", "--workers", workers, **given)

    assert 1 == done.returncode
    assert done.stderr.startswith("taskline: TASKLINE_TRUSTED_DOCUMENTS_FILE=")
    assert workers == str(done.stderr.count("\n"))  # of several, the last line says that one didn't start


def in_front(folder: Path) -> dict[str, str]:
    return {"PYTHONPATH": f"{folder}{os.pathsep}{ROOT}", "PYTHONSAFEPATH": "1"}


def test_a_worker_that_cant_be_replaced_is_tried_again_while_others_serve(tmp_path: Path, crm: CrmDatabase) -> None:
    (tmp_path / "app.py").write_text(APP_WITH_A_SWITCH)
    with served(tmp_path, crm, **in_front(tmp_path)) as pair:
        killed, other = pair.workers()
        (tmp_path / "is_broken").touch()
        killed.kill()
        pair.process.wait_until(lambda: "ended before it could serve" in pair.process.text)

        assert 200 == httpx2.get(f"{pair.process.url}/healthz").status_code
        (tmp_path / "is_broken").unlink()
        pair.process.wait_until(lambda: len(pair.workers()) == 2)
        (new,) = (worker for worker in pair.workers() if worker != other)
        with pair.api(new) as api:  # whoever it is by now
            assert 200 == api.client.get("/healthz").status_code


class Refused(workers.Workers):
    """Workers on a system that has no room for another process."""

    async def _process(self, line: socket.socket) -> asyncio.subprocess.Process:  # noqa: ARG002 - its signature
        raise BlockingIOError(11, "Resource temporarily unavailable")


def test_a_system_without_room_for_a_process_is_named_and_tried_again() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as taken,
        pytest.raises(WorkerNotStarted, match=r"can be started: .*temporarily unavailable"),
    ):
        asyncio.run(Refused(taken, 1).serve(1, lambda: None))


def test_a_second_ctrl_c_reaches_those_that_still_run() -> None:
    async def stop_twice() -> int:
        mine, its = socket.socketpair()
        with mine, its, socket.create_server(("127.0.0.1", 0)) as taken:
            ended = await asyncio.create_subprocess_exec("true")
            await ended.wait()
            running_ = await asyncio.create_subprocess_exec("sleep", "60")
            all_ = workers.Workers(taken, 1)
            all_._running = {workers.Worker(process, mine) for process in (ended, running_)}
            all_._stop(asyncio.get_running_loop().create_future(), signal.SIGINT)
            all_._stop(asyncio.get_running_loop().create_future(), signal.SIGINT)
            return await running_.wait()

    assert -signal.SIGINT == asyncio.run(stop_twice())


# Connections to the database.


@pytest.mark.parametrize(("size", "is_said"), [("10", False), ("200", True)])
def test_too_many_connections_are_said_at_the_start(tmp_path: Path, crm: CrmDatabase, size: str, is_said: bool) -> None:
    with served(tmp_path, crm, TASKLINE_POOL_SIZE=size) as pair:
        assert is_said == ("Up to 402 connections" in pair.process.text)
