"""A password is nowhere but in the address: no output, argument, log, ledger, receipt or traceback holds it."""

import json
import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlsplit
from uuid import uuid4

import psutil
import pytest
from click.testing import CliRunner

from commands.__main__ import taskline
from commands.migrate import COMMANDS
from errors import TasklineError
from tests.checkouts import PRODUCTION, STAGING, make_checkout
from tests.databases import CrmDatabase
from tests.deadlines import DEADLINE_S
from tests.proxies import wire

pytestmark = pytest.mark.slow

# What a command needs beside its environment.
ARGUMENTS = {"rollback": ["42"]}
OF_A_DATABASE = [name for name in COMMANDS if name != "rehearse"]  # which needs a server for a copy


@dataclass(frozen=True, slots=True)
class Secret:
    """A password that needs every kind of escaping; whatever form it takes, `core` survives in it."""

    core: str

    @property
    def password(self) -> str:
        return f"p@ss:w/rd#?%&'\"\\ $HOME é-{self.core}-@"

    def is_in(self, *texts: str) -> bool:
        return any(self.core in text for text in texts)


@dataclass(frozen=True, slots=True)
class Target:
    """A legacy CRM, and a role that may do everything there."""

    database: CrmDatabase
    secret: Secret
    role: str

    @property
    def url(self) -> str:
        return self.database.server.url(self.database.name, self.role, password=self.secret.password)

    def at(self, host: str, query: str = "") -> str:
        """Return an address with the role's password at another host."""
        login = f"{self.role}:{quote(self.secret.password, safe='')}"
        return f"postgresql://{login}@{host}/{self.database.name}{query}"

    @property
    def variables(self) -> dict[str, str]:
        """The address in parts, the password as it is."""
        parts = urlsplit(self.url)
        host = self.database.server.socket_dir
        named = {"HOST": str(host), "NAME": parts.path[1:], "USER": self.role, "PASSWORD": self.secret.password}
        return {f"DEVTEST_DB_{name}": value for name, value in named.items()}


@pytest.fixture
def target(legacy_database: CrmDatabase) -> Iterator[Target]:
    secret = Secret(uuid4().hex)
    role = f"secretive_{uuid4().hex[:12]}"
    literal = secret.password.replace("'", "''")
    legacy_database.psql(f"CREATE ROLE {role} LOGIN SUPERUSER PASSWORD '{literal}'")
    yield Target(legacy_database, secret, role)
    legacy_database.psql(f"REASSIGN OWNED BY {role} TO crm_owner; DROP OWNED BY {role}; DROP ROLE {role}")


def invoke(words: list[str], url: str) -> tuple[str, str, BaseException | None]:
    done = CliRunner().invoke(taskline, ["migrate", *words, "--env", "devtest"], env={"DEVTEST_DATABASE_URL": url})
    return done.stdout, done.stderr, done.exception


def obstacles(target: Target, stack: ExitStack) -> list[str]:
    """Return addresses with the password, none of which works."""
    wrong = target.url.replace(quote(target.role), "nobody")
    tls = stack.enter_context(wire(target.database)).port
    old = stack.enter_context(
        wire(target.database, to_client=lambda data: re.sub(rb"(server_version\x00)\d\d", rb"\g<1>14", data))
    ).port
    return [
        wrong,
        target.at("no-such-host.invalid"),
        target.at("127.0.0.1:1"),
        target.at("127.0.0.1:99999"),
        target.at("127.0.0.1:port"),
        target.at("127.0.0.1:1", "?sslmode=sometimes"),
        target.at("127.0.0.1:1", "?sslrootcert=/nowhere&sslmode=verify-full"),
        target.at(f"127.0.0.1:{tls}", "?sslmode=require"),
        target.at(f"127.0.0.1:{old}"),
        target.at(f"127.0.0.1:{tls}", "?no_such_setting=1"),
        target.at("127.0.0.1:1").replace("postgresql", "mysql"),
        target.at("[::1").replace("/crm", "crm"),
    ]


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_that_fails_does_not_tell_it(target: Target, name: str) -> None:
    with ExitStack() as stack:
        for url in obstacles(target, stack):
            for how in ([], ["--json"]):
                said, errors, exception = invoke([name, *ARGUMENTS.get(name, []), *how], url)

                assert isinstance(exception, TasklineError), (exception, said)
                assert not target.secret.is_in(said, errors, str(exception))
                assert not how or "error" in json.loads(said)


@pytest.mark.parametrize("name", OF_A_DATABASE)
def test_a_command_that_succeeds_does_not_tell_it(target: Target, name: str) -> None:
    """`verify` fails before the migrations, and tells what is missing."""
    for how in ([], ["--json"]):
        said, errors, exception = invoke([name, *ARGUMENTS.get(name, []), *how], target.url)

        assert exception is None or isinstance(exception, TasklineError), exception
        assert not target.secret.is_in(said, errors, str(exception))


def test_neither_process_list_nor_server_nor_receipt_tells_it(target: Target, tmp_path: Path) -> None:
    checkout = make_checkout(tmp_path / "project")
    checkout.names("staging", target.url)
    seen: set[str] = set()

    with subprocess.Popen(
        checkout.command(*STAGING), cwd=checkout.folder, env=checkout.environment(), stdout=subprocess.PIPE, text=True
    ) as run:
        assert run.stdout
        said = []
        for line in run.stdout:
            said.append(line)
            seen |= command_lines(run.pid)
            seen.add(target.database.psql("SELECT string_agg(application_name || query, ' ') FROM pg_stat_activity"))
    dump = subprocess.run(
        [str(target.database.server.bin_dir / "pg_dump"), "-d", target.database.superuser_url],
        capture_output=True,
        text=True,
        check=True,
    ).stdout

    assert 0 == run.returncode
    assert any("migrate up --env staging" in command for command in seen)
    assert "taskline_migrations" in dump
    server_log = target.database.server.log.read_text(errors="replace")
    assert not target.secret.is_in(*said, *seen, dump, checkout.receipt.read_text(), server_log)


def command_lines(pid: int) -> set[str]:
    """Return the arguments of a process and its children, without those that have just ended."""
    found = set()
    with suppress(psutil.Error):
        process = psutil.Process(pid)
        for each in (process, *process.children(recursive=True)):
            found.add(" ".join(each.cmdline()))
    return found


@pytest.mark.parametrize("how", ["Ctrl-C", "a lost connection", "a fault of ours"])
def test_no_traceback_tells_it_not_even_in_pythons_development_mode(target: Target, tmp_path: Path, how: str) -> None:
    checkout = make_checkout(tmp_path / "project")
    if how == "a fault of ours":
        ledger = checkout.folder / "migrations" / "runner" / "ledger.py"
        ledger.write_text(ledger.read_text().replace("entry.run_id,", "1 / 0,"))

    with subprocess.Popen(
        checkout.command("migrate", "up", "--env", "devtest"),
        cwd=checkout.folder,
        env=checkout.environment(PYTHONDEVMODE="1", **target.variables),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as run:
        assert run.stdout
        if how != "a fault of ours":
            assert any("Columns" in line for line in run.stdout)
        if how == "Ctrl-C":
            run.send_signal(signal.SIGINT)
        elif how == "a lost connection":
            target.database.psql(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE application_name = 'taskline migrate' AND datname = current_database()"
            )
        said, errors = run.communicate(timeout=DEADLINE_S)

    assert 0 != run.returncode
    assert ("Traceback" in errors) == (how == "a fault of ours"), errors
    assert not target.secret.is_in(said, errors)


def test_production_asks_staging_without_telling_either_password(
    target: Target, second_legacy_database: CrmDatabase, tmp_path: Path
) -> None:
    checkout = make_checkout(tmp_path / "project")
    checkout.names("staging", target.url)
    checkout.names("production", second_legacy_database)

    refused = checkout.run(*PRODUCTION, "--yes", "--json")
    checkout.names("staging", target.at("127.0.0.1:1"))
    unreachable = checkout.run(*PRODUCTION, "--yes")

    assert [18, 18] == [refused.returncode, unreachable.returncode]
    assert not target.secret.is_in(refused.stdout, refused.stderr, unreachable.stdout, unreachable.stderr)
