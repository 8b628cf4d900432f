"""The audit of what is pinned: against advisories of a server of ours, for nobody else's can be reached from here."""

import json
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from click.testing import CliRunner

from commands.audited import LOCKS, main, pins_of
from tests.papers import ROOT

GONE = "http://127.0.0.1:1"
# The first versions in which all is mended that was known when we chose them.
MENDED = {"strawberry-graphql": (0, 315, 7), "starlette": (1, 3, 1), "graphql-core": (3, 3, 0)}


@contextmanager
def advisories(bad: str | None) -> Iterator[str]:
    """Serve advisories in which one package is bad, to uv as OSV and to npm as its registry."""

    class Advisories(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = self.rfile.read(int(self.headers["Content-Length"]))
            if "querybatch" in self.path:
                names = [query["package"]["name"] for query in json.loads(asked)["queries"]]
                vulns = [{"id": "X-1", "modified": "2026-01-01T00:00:00Z"}]
                self.answer({"results": [{"vulns": vulns} if name == bad else {} for name in names]})
            else:
                entry = {"id": 1, "url": "", "title": "Bad", "severity": "high", "vulnerable_versions": "*"}
                self.answer({bad: [entry]} if bad == "urql" else {})

        def do_GET(self) -> None:
            if "/vulns/" in self.path:
                self.answer({"id": "X-1", "summary": "Bad", "modified": "2026-01-01T00:00:00Z", "affected": []})
            else:  # npm looks at which versions of a bad package there are
                package = {"name": bad, "version": "5.0.4"}
                self.answer({"name": bad, "dist-tags": {"latest": "5.0.4"}, "versions": {"5.0.4": package}})

        def answer(self, body: object) -> None:
            text = json.dumps(body).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(text)))
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Advisories) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def audited(osv: str, npm: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "commands.audited", "--osv", osv, "--npm", npm]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.mark.node
@pytest.mark.parametrize(("bad", "code"), [(None, 0), ("starlette", 1), ("patroni", 1), ("urql", 1)])
def test_a_pinned_package_with_a_vulnerability_is_found(bad: str | None, code: int) -> None:
    with advisories(bad) as address:
        done = audited(address, address)

    assert code == done.returncode, done.stdout + done.stderr
    assert bad is None or bad in done.stdout
    assert "NOT AUDITED" not in done.stdout


def test_a_uv_that_cant_do_it_any_more_is_no_clean_audit(monkeypatch: pytest.MonkeyPatch) -> None:
    done = subprocess.CompletedProcess[str]([], 2, "", "error: unrecognized subcommand 'audit'")
    monkeypatch.setattr("commands.audited._run", lambda *_: done)

    outcome = CliRunner().invoke(main, [])

    assert 1 == outcome.exit_code, outcome.output
    assert "unrecognized subcommand" in outcome.output
    assert "can't be read" in outcome.output


@pytest.mark.node
def test_an_npm_that_finds_no_lock_is_no_clean_audit(monkeypatch: pytest.MonkeyPatch) -> None:
    done = subprocess.CompletedProcess[str]([], 1, '{"error": {"code": "ENOLOCK", "summary": "no lock"}}', "")
    monkeypatch.setattr("commands.audited._run", lambda *_: done)

    outcome = CliRunner().invoke(main, [])

    assert 1 == outcome.exit_code, outcome.output
    assert "npm could not look" in outcome.output


@pytest.mark.node
def test_what_could_not_be_looked_up_is_said_aloud() -> None:
    done = audited(GONE, GONE)

    assert 0 == done.returncode
    assert len(LOCKS) + 1 == done.stdout.count("NOT AUDITED")


@pytest.mark.parametrize(("lock", "least"), [(LOCKS[0], 60), (LOCKS[1], 10)])
def test_every_pin_of_a_lock_is_looked_up(lock: str, least: int) -> None:
    text = (ROOT / lock).read_text()

    assert len(re.findall(r"^[^\s#]", text, re.MULTILINE)) == len(pins_of(text)) > least


def test_every_lock_is_looked_up() -> None:
    listed = subprocess.run(["git", "ls-files", "*.lock"], cwd=ROOT, capture_output=True, text=True, check=True)
    of_all = {pin for lock in LOCKS for pin in pins_of((ROOT / lock).read_text())}

    locks = listed.stdout.split()
    assert set(LOCKS) < set(locks)
    assert set() == {pin for lock in locks for pin in pins_of((ROOT / lock).read_text())} - of_all


@pytest.mark.parametrize("lock", ["requirements.lock", LOCKS[0]])
@pytest.mark.parametrize("name", list(MENDED))
def test_versions_with_known_holes_are_not_pinned(lock: str, name: str) -> None:
    (pin,) = [pin for pin in pins_of((ROOT / lock).read_text()) if pin.startswith(f"{name}==")]

    assert MENDED[name] <= tuple(int(number) for number in re.findall(r"\d+", pin.partition("==")[2])[:3])
