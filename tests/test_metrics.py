"""What Prometheus reads: sums of all workers, by operation and code, and nothing that says whose."""

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest
from prometheus_client.metrics import MetricWrapperBase
from prometheus_client.parser import text_string_to_metric_families

from execution.guards import Measured
from server.accesses import Access
from server.metrics import MOST_OPERATIONS, OTHER, Metrics
from tests.apis import NOWHERE, SECRET
from tests.databases import CrmDatabase
from tests.deadlines import DEADLINE_S, eventually
from tests.demos import ROOT, starting
from tests.logged_events import linked_task
from tests.organizations import Organization
from tests.ports import free_port
from tests.restarts import served as served_alone
from tests.served_workers import Served, served

pytestmark = pytest.mark.slow

TASK = "query OneTask($id: ID!) { task(id: $id) { subject } }"
CREATE = "mutation Create($input: CreateTaskInput!) { createTask(input: $input) { task { id } } }"
WATCH = "subscription Watch { taskEvents { taskId } }"


class Told:
    """The samples that are told at an address."""

    def __init__(self, port: int) -> None:
        self._url = f"http://127.0.0.1:{port}/metrics"

    def text(self) -> str:
        answer = httpx2.get(self._url, timeout=DEADLINE_S)
        assert 200 == answer.status_code
        return answer.text

    def value(self, name: str, **labels: str) -> float:
        """Return the sum of the samples of this name that have these labels, among others."""
        samples = (sample for family in text_string_to_metric_families(self.text()) for sample in family.samples)
        return sum(
            sample.value for sample in samples if sample.name == name and labels.items() <= sample.labels.items()
        )


@contextmanager
def told(home: Path, crm: CrmDatabase) -> Iterator[tuple[Served, Told]]:
    port = free_port()
    with served(home, crm, TASKLINE_METRICS_PORT=str(port)) as workers:
        yield workers, Told(port)


def test_all_workers_are_counted_together_and_one_that_dies_takes_nothing_along(
    tmp_path: Path, crm: CrmDatabase, organization: Organization
) -> None:
    viewer, task = organization.viewer(), linked_task(organization)
    with told(tmp_path, crm) as (server, metrics):
        for worker in server.workers():
            with server.api(worker) as api:
                assert api.data(viewer, TASK, id=str(task.id))["task"]
                assert ["BAD_USER_INPUT"] == api.codes(viewer, TASK, id="x")
                assert 401 == api.client.get("/api/tasks").status_code
                assert 401 == api.client.post("/graphql", json={"query": TASK}).status_code
                api.client.options("/graphql")

        def counted() -> list[float]:
            requests, errors = "taskline_request_seconds_count", "taskline_errors_total"
            return [
                metrics.value(requests, kind="query", operation="OneTask"),
                metrics.value(requests, kind="query", operation=OTHER),
                metrics.value(requests, kind="refused"),
                metrics.value(errors, code="BAD_USER_INPUT"),
                metrics.value(errors, code="UNAUTHENTICATED"),
                metrics.value("taskline_statements_total", operation="OneTask"),
            ]

        eventually(lambda: counted() == [4, 2, 2, 2, 6, 2])
        assert [4, 2, 2, 2, 6, 2] == counted()
        assert metrics.value("taskline_points_total", operation="OneTask") >= 4
        assert eventually(lambda: metrics.value("taskline_ready") == 1)
        assert 20 == metrics.value("taskline_pool_size")

        dying, *_ = server.workers()
        dying.kill()
        dying.wait(DEADLINE_S)

        assert eventually(lambda: len(server.workers()) == 2)
        assert eventually(lambda: metrics.value("taskline_pool_size") == 20)
        assert [4, 2, 2, 2, 6, 2] == counted()

        text = metrics.text()
        for secret in (viewer.user_id, viewer.organization_id, task.id):
            assert str(secret) not in text


def test_sockets_and_their_events_are_seen(tmp_path: Path, crm: CrmDatabase, organization: Organization) -> None:
    task = linked_task(organization)
    with told(tmp_path, crm) as (server, metrics):
        worker, *_ = server.workers()
        with server.socket(worker, organization.viewer()) as socket:
            socket.subscribe(WATCH)
            assert eventually(lambda: metrics.value("taskline_socket_operations") == 1)
            assert 1 == metrics.value("taskline_sockets")

            def is_lag_seen() -> bool:
                task.change("subject = subject || '!'")
                return socket.data() is not None and metrics.value("taskline_event_lag_seconds_count") > 0

            assert eventually(is_lag_seen)

        assert eventually(lambda: metrics.value("taskline_sockets") == 0)
        assert 1 == metrics.value("taskline_subscriptions_ended_total", operation="Watch")
        assert 0 == metrics.value("taskline_request_seconds_count", kind="subscription")


def test_one_process_tells_its_own(tmp_path: Path, crm: CrmDatabase, organization: Organization) -> None:
    port, contact = free_port(), organization.contact()
    with served_alone(tmp_path, crm, TASKLINE_METRICS_PORT=str(port)) as server:
        made = {"subject": "Call", "contactId": str(contact)}
        assert server.api.data(organization.viewer(), CREATE, input=made)["createTask"]["task"]

        assert eventually(lambda: Told(port).value("taskline_request_seconds_count", kind="mutation") == 1)
        assert eventually(lambda: Told(port).value("taskline_pool_connections", state="idle") >= 1)


def test_a_database_that_is_away_makes_it_not_ready(tmp_path: Path, crm: CrmDatabase) -> None:
    port = free_port()
    with served_alone(tmp_path, crm, TASKLINE_METRICS_PORT=str(port), DATABASE_URL=NOWHERE):
        assert eventually(lambda: "taskline_ready 0.0" in Told(port).text())


def test_a_port_that_is_taken_ends_the_start(tmp_path: Path, crm: CrmDatabase) -> None:
    port = free_port()
    with served_alone(tmp_path, crm, TASKLINE_METRICS_PORT=str(port)) as server:
        settings = server.settings | {"TASKLINE_METRICS_PORT": str(port)}
        with starting(tmp_path, "serve", "--port", "0", **settings) as second:
            assert 1 == second.process.wait(DEADLINE_S)
            assert f"Can't tell metrics on 127.0.0.1:{port}: Address already in use. Choose another" in second.text


def test_a_host_that_is_none_ends_the_start(tmp_path: Path) -> None:
    settings = {
        "TASKLINE_METRICS_PORT": str(free_port()),
        "TASKLINE_METRICS_HOST": "a..b",
        "TASKLINE_JWT_SECRET": SECRET,
    }
    with starting(tmp_path, "serve", "--port", "0", DATABASE_URL=NOWHERE, **settings) as process:
        assert 1 == process.process.wait(DEADLINE_S)
        assert "Can't tell metrics on a..b:" in process.text
        assert "Traceback" not in process.text


def test_who_counts_nothing_loads_nothing_for_it() -> None:
    code = f"""import sys, app, commands.serving
from settings import Settings
app.create(Settings(jwt_secret="{SECRET}", database_url="{NOWHERE}"))
print("prometheus_client" in sys.modules)"""

    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)

    assert "False\n" == done.stdout


def test_names_that_clients_make_up_are_bounded_and_wrong_documents_use_up_none() -> None:
    metrics = Metrics()
    wrong = metrics._what(access("Wrong", "BAD_USER_INPUT"), "refused")

    told = [metrics._what(access(f"Q{number}"), "refused") for number in [*range(MOST_OPERATIONS + 1), 1]]

    assert [("query", OTHER), ("query", OTHER), ("query", "Q1")] == [wrong, *told[-2:]]
    assert MOST_OPERATIONS + 1 == len({operation for _, operation in told})


def test_the_page_has_a_row_for_each_metric() -> None:
    rows = re.findall(r"^\| `(taskline_\w+)` \|", (ROOT / "docs" / "metrics.md").read_text(), re.MULTILINE)
    made = [one for one in vars(Metrics()).values() if isinstance(one, MetricWrapperBase)]
    families = [family for one in made for family in one.collect()]

    assert sorted(f"{one.name}{'_total' * (one.type == 'counter')}" for one in families) == sorted(rows)


def access(name: str, *codes: str) -> Access:
    return Access("r", measured=Measured(name, "query", (), 1), codes=codes)
