"""The reference deployment of deploy/failover/ on the loopback: etcd, three nodes with Patroni, HAProxy, PgBouncer."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx2
import psutil
import pytest

from db import embedded_account
from db.embedded_account import Account
from errors import ServerNotStarted
from tests.deadlines import DEADLINE_S, eventually
from tests.papers import ROOT
from tests.ports import free_port

FOLDER = ROOT / "deploy" / "failover"
FILES = ("patroni.yml", "haproxy.cfg", "pgbouncer.ini", "roles.sql")
"""What is run as it is committed; all that differs between machines comes from the environment and two small files."""
LOCK = FOLDER / "requirements.lock"
NODES = ("node1", "node2", "node3")
ADMIN, OWNER, API = "postgres", "crm_owner", "taskline_api"
PASSWORDS = {ADMIN: "postgres's", OWNER: "owner's", API: "api's"}
SYSTEM_PYTHON = "/usr/bin/python3"


def program(name: str) -> str:
    """Return a program's path; one that is missing fails the test, everywhere."""
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin")
    if found is None:
        pytest.fail(f"{name} is missing: `apt-get install etcd-server haproxy pgbouncer` on Debian.")
    return found


@dataclass(frozen=True, slots=True)
class Runner:
    """Starts programs in a folder, as the account that PostgreSQL can run as."""

    folder: Path
    account: Account

    def start(self, name: str, command: Sequence[str], variables: Mapping[str, str]) -> subprocess.Popen[bytes]:
        """Start a program in the folder; what it says goes to a log there."""
        who = {"user": self.account.uid, "group": self.account.gid, "extra_groups": []} if self.account.is_other else {}
        with (self.folder / f"{name}.log").open("ab") as log:
            process: subprocess.Popen[bytes] = subprocess.Popen(
                command,
                **who,  # type: ignore[call-overload]  # the account's three options, or none
                cwd=self.folder,
                env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "HOME": str(self.folder), **variables},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                process_group=0,
            )
        return process

    def log(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text()


def patroni_in(folder: Path, account: Account) -> Path:
    """Install Patroni as the image does, from the lock file, and return the folder of its programs.

    Our own environment may be one that only root can read.
    """
    programs = folder / "patroni" / "bin"
    for python in (SYSTEM_PYTHON, sys.executable):
        with suppress(ServerNotStarted, FileNotFoundError, subprocess.CalledProcessError):
            subprocess.run([python, "-m", "venv", "--clear", programs.parent], check=True)
            if embedded_account.run([str(programs / "python"), "-c", ""], account).returncode == 0:
                break
    else:
        pytest.fail(f"User {account.uid} can run neither {sys.executable} nor {SYSTEM_PYTHON} with python3-venv.")
    install = [
        str(programs / "pip"),
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--require-hashes",
        "-r",
        str(LOCK),
    ]
    subprocess.run(install, check=True)
    return programs


@dataclass(slots=True)
class Node:
    """One machine of the three: Patroni, and the PostgreSQL that it looks after."""

    name: str
    runner: Runner
    programs: Path
    variables: dict[str, str]
    port: int
    patroni_port: int
    process: subprocess.Popen[bytes] | None = None

    @property
    def data(self) -> Path:
        return self.runner.folder / self.name

    def start(self) -> None:
        self.process = self.runner.start(self.name, [str(self.programs / "patroni"), "patroni.yml"], self.variables)

    def kill(self) -> None:
        """Let all of it be gone at once, as when a machine loses its power."""
        victims = [*self._patroni(), *self._postgres()]
        for victim in victims:
            with suppress(psutil.NoSuchProcess):
                victim.kill()
        if self.process:
            self.process.wait(DEADLINE_S)
            self.process = None
        assert eventually(lambda: all(map(_is_gone, victims)))

    def _patroni(self) -> list[psutil.Process]:
        if self.process is None:
            return []
        patroni = psutil.Process(self.process.pid)
        return [patroni, *patroni.children(recursive=True)]

    def _postgres(self) -> list[psutil.Process]:
        """Return what runs in its folder; the number in the file may be another program's by now."""
        try:
            leader = psutil.Process(int((self.data / "postmaster.pid").read_text().splitlines()[0]))
            return [leader, *leader.children(recursive=True)] if str(self.data) in leader.cmdline() else []
        except (FileNotFoundError, IndexError, psutil.NoSuchProcess):
            return []

    def says(self, path: str) -> httpx2.Response | None:
        """Return what its Patroni answers; None when it isn't there."""
        try:
            return httpx2.get(f"http://127.0.0.1:{self.patroni_port}{path}", timeout=5)
        except httpx2.TransportError:
            return None


def _is_gone(process: psutil.Process) -> bool:
    """Tell whether it has ended; whoever adopted it may never ask how."""
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


@dataclass(slots=True)
class Cluster:
    """The nodes, and the two addresses before them."""

    runner: Runner
    bin_dir: Path
    programs: Path
    nodes: list[Node]
    leader_port: int
    pooled_port: int = field(default_factory=free_port)

    def url(self, user: str, *, is_pooled: bool = False, database: str = "crm") -> str:
        """Return an address of the leader, whoever that is: by HAProxy, or by PgBouncer before it."""
        port = self.pooled_port if is_pooled else self.leader_port
        return f"postgresql://{user}:{quote(PASSWORDS[user], safe='')}@127.0.0.1:{port}/{database}"

    def leader(self) -> Node:
        """Return the one node that HAProxy leads to."""
        (leader,) = [node for node in self.nodes if (answer := node.says("/primary")) and answer.status_code == 200]
        return leader

    def members(self) -> list[dict[str, Any]]:
        """Return what the nodes know of each other; nothing while none answers."""
        for node in self.nodes:
            if (answer := node.says("/cluster")) and answer.status_code == 200:
                members: list[dict[str, Any]] = answer.json()["members"]
                return members
        return []

    def is_whole(self) -> bool:
        """Tell whether all three serve: a leader, one that has all that it acknowledges, and one behind them."""
        members = self.members()
        return (
            sorted(member["role"] for member in members) == ["leader", "replica", "sync_standby"]
            and {member["state"] for member in members} == {"running", "streaming"}
            and len({member.get("timeline") for member in members}) == 1
        )

    def wait_until_whole(self) -> None:
        if not eventually(self.is_whole):
            logs = "\n".join(self.runner.log(node.name)[-3_000:] for node in self.nodes)
            pytest.fail(f"{self.members()}\n{logs}")

    def synchronous_standby(self) -> Node:
        """Return the node that has all that is acknowledged, beside the leader."""
        (name,) = [member["name"] for member in self.members() if member["role"] == "sync_standby"]
        return next(node for node in self.nodes if node.name == name)

    def switch_over(self) -> None:
        """Let another node lead, in order."""
        self._control("switchover", "--force")

    def restart(self, node: Node) -> None:
        """Let a node's PostgreSQL stop and start."""
        self._control("restart", "--force", "taskline", node.name)

    def _control(self, *words: str) -> None:
        command = [str(self.programs / "patronictl"), "-c", "patroni.yml", *words]
        process = self.runner.start("patronictl", command, self.nodes[0].variables)
        assert process.wait(DEADLINE_S) == 0, self.runner.log("patronictl")

    def psql(self, sql: str) -> str:
        """Run SQL at the leader, as the superuser, and return what it says."""
        command = [str(self.bin_dir / "psql"), "-XqAt", "-d", self.url(ADMIN), "-c", sql]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    def pooler_settings(self) -> dict[str, str]:
        """Return what PgBouncer says that it goes by."""
        url = self.url(API, is_pooled=True, database="pgbouncer")
        command = [str(self.bin_dir / "psql"), "-XAt", "-d", url, "-c", "SHOW CONFIG"]
        told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        return {line.split("|")[0]: line.split("|")[1] for line in told.splitlines()}

    def make_database(self) -> None:
        """Make the database and its roles, by the file that the containers use."""
        psql = [
            str(self.bin_dir / "psql"),
            "-Xq",
            "-d",
            self.url(ADMIN, database="postgres"),
            "-f",
            str(FOLDER / "roles.sql"),
        ]
        secrets = {"CRM_OWNER_PASSWORD": PASSWORDS[OWNER], "TASKLINE_API_PASSWORD": PASSWORDS[API]}
        done = subprocess.run(psql, env=os.environ | secrets, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr


@contextmanager
def cluster(bin_dir: Path) -> Iterator[Cluster]:
    """Yield the whole deployment, with an empty database."""
    with tempfile.TemporaryDirectory(prefix="failover-") as name:  # pytest's own folders are closed to other accounts
        runner = Runner(Path(name), embedded_account.choose(Path(name) / "none"))
        for file in FILES:
            shutil.copy(FOLDER / file, name)
        for path in (runner.folder, *runner.folder.iterdir()):
            embedded_account.give(path, runner.account)
        programs = patroni_in(runner.folder, runner.account)
        with ExitStack() as stack:
            etcd_port = _etcd(runner, stack)
            nodes = [_node(name, runner, programs, bin_dir, etcd_port) for name in NODES]
            made = Cluster(runner, bin_dir, programs, nodes, free_port())
            for node in nodes:
                stack.callback(node.kill)
                node.start()
            _proxies(made, stack)
            made.wait_until_whole()
            assert eventually(lambda: _is_reached(made)), runner.log("haproxy")
            made.make_database()
            yield made


def _started(runner: Runner, stack: ExitStack, name: str, command: list[str], variables: dict[str, str]) -> None:
    process = runner.start(name, command, variables)
    stack.callback(process.wait, DEADLINE_S)
    stack.callback(process.kill)


def _etcd(runner: Runner, stack: ExitStack) -> int:
    clients, peers = free_port(), free_port()
    _started(runner, stack, "etcd", [program("etcd")], etcd_variables(runner.folder, clients, peers))
    return clients


def etcd_variables(folder: Path, clients: int, peers: int) -> dict[str, str]:
    here, among = f"http://127.0.0.1:{clients}", f"http://127.0.0.1:{peers}"
    return {
        "ETCD_NAME": "etcd1",
        "ETCD_DATA_DIR": str(folder / "etcd"),
        "ETCD_LISTEN_CLIENT_URLS": here,
        "ETCD_ADVERTISE_CLIENT_URLS": here,
        "ETCD_LISTEN_PEER_URLS": among,
        "ETCD_INITIAL_ADVERTISE_PEER_URLS": among,
        "ETCD_INITIAL_CLUSTER": f"etcd1={among}",
        "ETCD_INITIAL_CLUSTER_TOKEN": "taskline",
    }


def _node(name: str, runner: Runner, programs: Path, bin_dir: Path, etcd_port: int) -> Node:
    port, patroni_port = free_port(), free_port()
    variables = patroni_variables(name, runner.folder, bin_dir, (port, patroni_port, etcd_port))
    return Node(name, runner, programs, variables, port, patroni_port)


def patroni_variables(name: str, folder: Path, bin_dir: Path, ports: tuple[int, int, int]) -> dict[str, str]:
    port, patroni_port, etcd_port = ports
    return {
        "PATRONI_NAME": name,
        "PATRONI_ETCD3_HOSTS": f"127.0.0.1:{etcd_port}",
        "PATRONI_POSTGRESQL_LISTEN": f"127.0.0.1:{port}",
        "PATRONI_POSTGRESQL_CONNECT_ADDRESS": f"127.0.0.1:{port}",
        "PATRONI_POSTGRESQL_DATA_DIR": str(folder / name),
        "PATRONI_POSTGRESQL_BIN_DIR": str(bin_dir),
        "PATRONI_POSTGRESQL_PGPASS": str(folder / f"{name}.pgpass"),
        "PATRONI_RESTAPI_LISTEN": f"127.0.0.1:{patroni_port}",
        "PATRONI_RESTAPI_CONNECT_ADDRESS": f"127.0.0.1:{patroni_port}",
        "PATRONI_RESTAPI_PASSWORD": "patroni's",
        "PATRONI_SUPERUSER_PASSWORD": PASSWORDS[ADMIN],
        "PATRONI_REPLICATION_PASSWORD": "replicator's",
        "PATRONI_REWIND_PASSWORD": "rewinder's",
    }


def haproxy_variables(listen_port: int, ports: Mapping[str, tuple[int, int]]) -> dict[str, str]:
    """Return where HAProxy listens, and where each node has PostgreSQL and Patroni."""
    variables = {"LEADER_LISTEN": f"127.0.0.1:{listen_port}"}
    for name, (port, patroni_port) in ports.items():
        variables[name.upper()] = f"127.0.0.1:{port}"
        variables[f"{name.upper()}_PATRONI"] = str(patroni_port)
    return variables


def _proxies(made: Cluster, stack: ExitStack) -> None:
    """Start HAProxy, and PgBouncer before it."""
    runner = made.runner
    variables = haproxy_variables(made.leader_port, {node.name: (node.port, node.patroni_port) for node in made.nodes})
    _started(runner, stack, "haproxy", [program("haproxy"), "-db", "-f", "haproxy.cfg"], variables)
    own = {
        "listen.ini": f"listen_addr = 127.0.0.1\nlisten_port = {made.pooled_port}\n",
        "leader.ini": f"crm = host=127.0.0.1 port={made.leader_port}\n",
        "users.txt": f'"{API}" "{PASSWORDS[API]}"\n',
    }
    for file, text in own.items():
        (runner.folder / file).write_text(text)
        embedded_account.give(runner.folder / file, runner.account)
    _started(runner, stack, "pgbouncer", [program("pgbouncer"), "pgbouncer.ini"], {})


def _is_reached(made: Cluster) -> bool:
    command = [str(made.bin_dir / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(made.leader_port)]
    return subprocess.run(command, check=False).returncode == 0
