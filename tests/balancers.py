"""The real HAProxy, with the very file that people are given, before servers of a test."""

import csv
import getpass
import grp
import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2

from tests.deadlines import DEADLINE_S, eventually
from tests.demos import ROOT
from tests.ports import free_port
from tests.programs import program

CONFIG = ROOT / "deploy" / "haproxy" / "haproxy.cfg"
SERVERS = ("api1", "api2", "api3")


@dataclass(frozen=True, slots=True)
class Balancer:
    """A HAProxy that runs."""

    url: str
    stats_url: str

    def servers(self) -> dict[str, dict[str, str]]:
        """Return what it tells of each server, by name: its `status`, and counts."""
        told = httpx2.get(f"{self.stats_url}/;csv", timeout=DEADLINE_S).text.removeprefix("# ")
        return {row["svname"]: row for row in csv.DictReader(told.splitlines()) if row["svname"] in SERVERS}

    def states(self) -> list[str]:
        return [server["status"] for server in self.servers().values()]

    def count(self, what: str) -> list[int]:
        """Return a count of each server."""
        return [int(server[what]) for server in self.servers().values()]


@contextmanager
def balancer(folder: Path, servers: Sequence[str]) -> Iterator[Balancer]:
    """Yield a HAProxy before servers at these addresses; what it says is in the folder."""
    bind, stats = (f"127.0.0.1:{free_port()}" for _ in range(2))
    addresses = {f"API_{number}": address for number, address in enumerate(servers, 1)}
    said = folder / "haproxy.log"
    with (
        said.open("w") as log,
        subprocess.Popen(
            [program("haproxy"), "-db", "-f", str(CONFIG)],
            env={"HAPROXY_BIND": bind, "HAPROXY_STATS": stats, **_account(), **addresses},
            stdout=log,
            stderr=subprocess.STDOUT,
        ) as process,
    ):
        try:
            running = Balancer(f"http://{bind}", f"http://{stats}")
            assert eventually(lambda: process.poll() is not None or _answers(running)), said.read_text()
            assert process.poll() is None, said.read_text()
            yield running
        finally:
            process.kill()


def _account() -> Mapping[str, str]:
    """Return who it runs as: its own account, which root alone can give it."""
    if os.getuid() == 0:
        return {}
    return {"HAPROXY_USER": getpass.getuser(), "HAPROXY_GROUP": grp.getgrgid(os.getgid()).gr_name}


def _answers(running: Balancer) -> bool:
    try:
        return len(running.servers()) == len(SERVERS)
    except httpx2.TransportError:
        return False
