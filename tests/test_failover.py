"""The reference deployment: nodes that die or hand over under writes, and what its files say."""

import re
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx2
import pytest
import yaml

from db.embedded import EmbeddedServer
from tests.databases import CrmDatabase
from tests.deadlines import eventually
from tests.demos import taskline
from tests.failover_trials import trial
from tests.failovers import (
    FILES,
    FOLDER,
    NODES,
    OWNER,
    Cluster,
    cluster,
    etcd_variables,
    haproxy_variables,
    patroni_variables,
    program,
)
from tests.name_servers import name_server
from tests.papers import ROOT, SETTINGS
from tests.ports import free_port

# How long nothing may be acknowledged, on a machine that other tests share; docs/failover.md says what it takes.
MOST_DEAD_S, MOST_HANDED_OVER_S, MOST_ALONE_S = 30.0, 15.0, 15.0


# Under writes.


@pytest.fixture(scope="module")
def deployed(postgres: EmbeddedServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """The whole deployment, migrated by the command that is documented."""
    with cluster(postgres.bin_dir) as made:
        owner = {"MIGRATION_DATABASE_URL": made.url(OWNER)}
        migrated = taskline(tmp_path_factory.mktemp("migrate"), "migrate", "up", **owner)
        assert migrated.returncode == 0, migrated.stdout + migrated.stderr
        yield made


@pytest.mark.long
@pytest.mark.slow
def test_two_leaders_that_die_lose_and_repeat_nothing(
    tmp_path: Path, deployed: Cluster, postgres: EmbeddedServer
) -> None:
    with trial(tmp_path, deployed, CrmDatabase(postgres, "crm")) as under_way:

        def happen() -> None:
            for _ in range(2):
                leader = deployed.leader()
                under_way.break_off(leader.kill)
                assert leader.name != deployed.leader().name
                leader.start()
            deployed.wait_until_whole()

        under_way.writers.during(happen)
        assert eventually(lambda: under_way.readiness.said[-1] == 200)

    assert 503 in under_way.readiness.said
    # Its last look may have been at what the dead leader alone had: that is rare, and not each time.
    assert all(watcher.expired <= 1 for watcher in under_way.watchers)
    assert [1, 1] == [watcher.sockets for watcher in under_way.watchers]
    assert max(under_way.outages_s) <= MOST_DEAD_S


@pytest.mark.long
@pytest.mark.slow
def test_a_leader_that_hands_over_loses_and_repeats_nothing(
    tmp_path: Path, deployed: Cluster, postgres: EmbeddedServer
) -> None:
    with trial(tmp_path, deployed, CrmDatabase(postgres, "crm")) as under_way:
        deployed.wait_until_whole()
        before = deployed.leader().name

        under_way.writers.during(lambda: under_way.break_off(deployed.switch_over))

    assert before != deployed.leader().name
    assert [1, 1] == [watcher.sockets for watcher in under_way.watchers]
    assert [0, 0] == [watcher.expired for watcher in under_way.watchers]
    assert max(under_way.outages_s) <= MOST_HANDED_OVER_S


@pytest.mark.long
@pytest.mark.slow
def test_a_synchronous_standby_that_dies_loses_and_repeats_nothing(
    tmp_path: Path, deployed: Cluster, postgres: EmbeddedServer
) -> None:
    with trial(tmp_path, deployed, CrmDatabase(postgres, "crm")) as under_way:
        deployed.wait_until_whole()
        leader, standby = deployed.leader().name, deployed.synchronous_standby()

        under_way.writers.during(lambda: under_way.break_off(standby.kill))
        standby.start()

    assert leader == deployed.leader().name
    assert [1, 1] == [watcher.sockets for watcher in under_way.watchers]
    assert [0, 0] == [watcher.expired for watcher in under_way.watchers]
    assert max(under_way.outages_s) <= MOST_ALONE_S


@pytest.mark.long
@pytest.mark.slow
def test_the_slot_of_a_move_outlives_a_restart(deployed: Cluster) -> None:
    deployed.wait_until_whole()
    leader = deployed.leader()
    deployed.psql("SELECT pg_create_logical_replication_slot('taskline_move', 'pgoutput')")
    deployed.psql("SELECT pg_create_physical_replication_slot('nobodys')")

    deployed.restart(leader)

    slots = "SELECT slot_name FROM pg_replication_slots WHERE slot_name IN ('taskline_move', 'nobodys')"
    assert eventually(lambda: is_said(deployed, slots, "taskline_move"))  # Patroni has cleared up
    assert leader.name == deployed.leader().name
    deployed.psql("SELECT pg_drop_replication_slot('taskline_move')")


def is_said(deployed: Cluster, sql: str, what: str) -> bool:
    """Tell whether the leader says so; not while there is none."""
    try:
        return deployed.psql(sql) == what
    except subprocess.CalledProcessError:
        return False


@pytest.mark.long
@pytest.mark.slow
def test_pgbouncer_goes_by_each_line_of_its_file(deployed: Cluster) -> None:
    lines = (FOLDER / "pgbouncer.ini").read_text().partition("[pgbouncer]")[2].splitlines()
    written = dict(line.split(" = ") for line in lines if " = " in line and not line.startswith(";"))

    told = deployed.pooler_settings()

    assert {"pool_mode": "transaction", "server_login_retry": "1"}.items() <= written.items()
    assert written == {name: told[name] for name in written}


# Names.


@contextmanager
def leading_node() -> Iterator[int]:
    """Answer at a port as the Patroni of a leader does; what comes through HAProxy is answered there, too."""

    class Leads(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b'{"role": "primary"}')

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Leads) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


@pytest.mark.slow
def test_a_node_that_has_no_address_at_the_start_is_found_later(tmp_path: Path) -> None:
    with name_server() as names, leading_node() as node, (tmp_path / "log").open("w") as log:
        here = f"nameserver test 127.0.0.1:{names.port}"
        config = tmp_path / "haproxy.cfg"
        config.write_text((FOLDER / "haproxy.cfg").read_text().replace("parse-resolv-conf", here))
        port = free_port()
        variables = haproxy_variables(port, dict.fromkeys(NODES, (1, 1)))
        variables |= {"NODE1": f"node1.taskline.invalid:{node}", "NODE1_PATRONI": str(node)}

        def is_led() -> bool:
            try:
                return httpx2.get(f"http://127.0.0.1:{port}/").is_success
            except httpx2.TransportError:
                return False

        command = [program("haproxy"), "-db", "-f", str(config)]
        with subprocess.Popen(command, env=variables, stdout=log, stderr=subprocess.STDOUT) as haproxy:
            try:
                assert eventually(lambda: names.asked > 0)
                assert not is_led()
                names.address = "127.0.0.1"
                is_found = eventually(is_led)
            finally:
                haproxy.kill()

    assert is_found, (tmp_path / "log").read_text()


# What its files say.

SERVICES = yaml.safe_load((FOLDER / "compose.yaml").read_text())["services"]
DYNAMIC = yaml.safe_load((FOLDER / "patroni.yml").read_text())["bootstrap"]["dcs"]


def test_the_containers_are_given_files_that_are_there() -> None:
    mounted = {
        name: {volume.split(":")[0] for volume in service.get("volumes", []) if volume.startswith("./")}
        for name, service in SERVICES.items()
    }

    assert set() == {file for files in mounted.values() for file in files if not (FOLDER / file).is_file()}
    for name, service in SERVICES.items():
        named = {file for file in FILES if any(file in word for word in service.get("command", []))}
        assert {f"./{file}" for file in named} <= mounted[name]


@pytest.mark.parametrize("name", NODES)
def test_the_containers_of_the_nodes_have_the_variables_that_the_test_gives(name: str) -> None:
    given = patroni_variables(name, Path(), Path(), (1, 2, 3))

    assert set(given) == set(SERVICES[name]["environment"])
    assert name == SERVICES[name]["environment"]["PATRONI_NAME"]


def test_the_other_containers_have_the_variables_that_the_test_gives() -> None:
    for number in range(1, 4):
        assert set(etcd_variables(Path(), 1, 2)) == set(SERVICES[f"etcd{number}"]["environment"])
    given = haproxy_variables(1, dict.fromkeys(NODES, (2, 3)))
    assert set(given) == set(SERVICES["haproxy"]["environment"])
    asked = set(re.findall(r"\$\{(\w+)\}", (FOLDER / "haproxy.cfg").read_text()))
    assert asked == set(given)


def test_the_api_is_given_settings_that_exist() -> None:
    assert set() == set(SERVICES["api"]["environment"]) - set(SETTINGS)
    assert set() == set(SERVICES["migrate"]["environment"]) - set(SETTINGS)


@pytest.mark.parametrize("name", ["api", "migrate"])
def test_taskline_may_do_no_more_than_in_its_own_compose_file(name: str) -> None:
    own = yaml.safe_load((ROOT / "compose.yaml").read_text())
    bounds = {key: value for key, value in own["x-taskline"].items() if key != "build"}

    assert {"read_only", "cap_drop", "security_opt"} <= set(bounds)
    assert bounds == {key: own["services"][name][key] for key in bounds}
    assert bounds == {key: SERVICES[name][key] for key in bounds}


def test_each_secret_is_told_of() -> None:
    asked = set(re.findall(r"\$\{(\w+)", (FOLDER / "compose.yaml").read_text()))

    assert set() == {name for name in asked if f"`{name}`" not in (ROOT / "docs" / "failover.md").read_text()}


def test_the_api_leaves_connections_to_others() -> None:
    (limit,) = re.findall(r"CONNECTION LIMIT (\d+)", (FOLDER / "roles.sql").read_text())
    most = DYNAMIC["postgresql"]["parameters"]["max_connections"]

    assert int(limit) <= most - 15
    paper = (ROOT / "docs" / "failover.md").read_text()
    assert f"`CONNECTION LIMIT {limit}`" in paper
    assert f"`max_connections: {most}`" in paper


def test_a_leader_that_cannot_reach_the_store_steps_down_before_another_takes_over() -> None:
    assert DYNAMIC["loop_wait"] + 2 * DYNAMIC["retry_timeout"] <= DYNAMIC["ttl"]
    assert DYNAMIC["synchronous_mode"]
    assert DYNAMIC["synchronous_mode_strict"]


def test_what_the_papers_say_of_the_times_is_what_is_set() -> None:
    paper = (ROOT / "docs" / "failover.md").read_text()

    for name in ("ttl", "loop_wait", "retry_timeout", "primary_start_timeout"):
        assert f"`{name}: {DYNAMIC[name]}`" in paper
