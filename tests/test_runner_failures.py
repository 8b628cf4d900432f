"""Every failure that an operator meets: one clear sentence, an exit code, an error document, and nothing half done."""

import asyncio
import json
import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner

from commands.__main__ import taskline
from errors import (
    MigrationFailed,
    MigrationFileUnusable,
    MigrationRefused,
    MigrationServerUnreachable,
    MigrationSignInRefused,
    MigrationTargetUnknown,
    TasklineError,
)
from migrations.runner import apply
from migrations.runner.connections import connect
from tests.databases import OWNER, CrmDatabase
from tests.killed_runs import LEFTOVERS
from tests.migration_runs import LINKS, NUMBERS, by_runner, fingerprint, schema_dump
from tests.proxies import wire

pytestmark = pytest.mark.slow

SECRET = "s3cr3t-p@ss/w:rd"

# What stands in a database's way: makes it so until the stack ends, and returns the words of `migrate up`.
Obstacle = Callable[[CrmDatabase, ExitStack], list[str]]


def failure(*words: str) -> tuple[TasklineError, dict[str, object]]:
    """Run `migrate up --json`, and return its error and the error's document."""
    done = CliRunner().invoke(taskline, ["migrate", "up", "--json", *words])
    assert isinstance(done.exception, TasklineError), done.output
    assert "Traceback" not in done.stderr
    return done.exception, json.loads(done.stdout)["error"]


def as_administrator(database: CrmDatabase, stack: ExitStack, change: str, undo: str) -> None:
    admin = database.server.url()
    stack.callback(database.psql, undo, url=admin)
    database.psql(change, url=admin)


# The address.


def with_url(url: str) -> Obstacle:
    return lambda _database, _stack: ["--url", url]


def wrong_password(database: CrmDatabase, _: ExitStack) -> list[str]:
    return ["--url", database.server.url(database.name, OWNER, password=SECRET)]


def unknown_database(database: CrmDatabase, _: ExitStack) -> list[str]:
    return ["--url", database.owner_url.replace(database.name, "nosuch")]


def no_such_socket(database: CrmDatabase, _: ExitStack) -> list[str]:
    return ["--url", f"postgresql://{OWNER}:x@/{database.name}?host=%2Fnowhere"]


def asks_for_tls(database: CrmDatabase, stack: ExitStack) -> list[str]:
    return ["--url", f"{stack.enter_context(wire(database)).url}?sslmode=require"]


def speaks_http(_: CrmDatabase, stack: ExitStack) -> list[str]:
    port = stack.enter_context(answering(b"HTTP/1.1 400 Bad Request\r\n\r\n"))
    return ["--url", f"postgresql://{OWNER}:{SECRET}@127.0.0.1:{port}/crm"]


def hangs_up(_: CrmDatabase, stack: ExitStack) -> list[str]:
    return ["--url", f"postgresql://{OWNER}:{SECRET}@127.0.0.1:{stack.enter_context(answering(b''))}/crm"]


@contextmanager
def answering(answer: bytes | None) -> Iterator[int]:
    """Yield a port that answers what it is asked first with this and hangs up; None: never, and doesn't hang up."""
    held: list[socket.socket] = []

    def serve() -> None:
        while True:
            try:
                client, _ = listening.accept()
            except OSError:
                return
            held.append(client)
            if answer is not None:
                client.recv(1_024)
                client.sendall(answer)
                client.close()

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listening.getsockname()[1]
        listening.shutdown(socket.SHUT_RDWR)
        thread.join(10)
    for client in held:
        client.close()


# The server.


def of_version(major: str) -> Obstacle:
    """The server says on its way to us that it is another version."""

    def to_client(data: bytes) -> bytes:
        return re.sub(rb"server_version\x00\d\d", b"server_version\x00" + major.encode(), data)

    return lambda database, stack: ["--url", stack.enter_context(wire(database, to_client=to_client)).url]


def no_connection_left(database: CrmDatabase, stack: ExitStack) -> list[str]:
    name = database.name
    as_administrator(
        database, stack, f"ALTER DATABASE {name} CONNECTION LIMIT 0", f"ALTER DATABASE {name} CONNECTION LIMIT -1"
    )
    return ["--url", database.owner_url]


def closed(database: CrmDatabase, stack: ExitStack) -> list[str]:
    stack.callback(database.open_to_connections)
    database.close_to_connections()
    return ["--url", database.owner_url]


def read_only(database: CrmDatabase, stack: ExitStack) -> list[str]:
    name = database.name
    as_administrator(
        database,
        stack,
        f"ALTER DATABASE {name} SET default_transaction_read_only = on",
        f"ALTER DATABASE {name} RESET default_transaction_read_only",
    )
    return ["--url", database.owner_url]


# Rights.


def may_not_connect(database: CrmDatabase, stack: ExitStack) -> list[str]:
    name = database.name
    as_administrator(
        database,
        stack,
        f"REVOKE CONNECT ON DATABASE {name} FROM PUBLIC",
        f"GRANT CONNECT ON DATABASE {name} TO PUBLIC",
    )
    return ["--url", database.app_url]


def not_the_owner(database: CrmDatabase, _: ExitStack) -> list[str]:
    return ["--url", database.app_url, LINKS.name]


def may_not_create(database: CrmDatabase, _: ExitStack) -> list[str]:
    database.psql(f"ALTER SCHEMA public OWNER TO postgres; GRANT USAGE ON SCHEMA public TO {OWNER}")
    return ["--url", database.owner_url]


def may_not_create_with_file(database: CrmDatabase, stack: ExitStack) -> list[str]:
    return [*may_not_create(database, stack), LINKS.name]


def may_not_make_temporary_objects(database: CrmDatabase, _: ExitStack) -> list[str]:
    database.psql(f"ALTER DATABASE {database.name} OWNER TO postgres; GRANT CREATE ON SCHEMA public TO {OWNER}")
    database.psql(f"REVOKE TEMPORARY ON DATABASE {database.name} FROM PUBLIC")
    return ["--url", database.owner_url, LINKS.name]


# What should be there.


def no_such_file(database: CrmDatabase, _: ExitStack) -> list[str]:
    return ["--url", database.owner_url, "099_none.sql"]


def no_such_number(database: CrmDatabase, _: ExitStack) -> list[str]:
    return ["--url", database.owner_url, "--through", "99"]


def no_table(database: CrmDatabase, _: ExitStack) -> list[str]:
    database.psql(f"DROP SCHEMA public CASCADE; CREATE SCHEMA public AUTHORIZATION {OWNER}")
    return ["--url", database.owner_url, LINKS.name]


REFUSED_PORT = f"postgresql://{OWNER}:{SECRET}@127.0.0.1:1/crm"
UNKNOWN_HOST = f"postgresql://{OWNER}:{SECRET}@no-such-host.invalid/crm"
BIG_PORT = f"postgresql://{OWNER}:{SECRET}@localhost:99999/crm"
OTHER_SCHEME = f"mysql://{OWNER}:{SECRET}@host/crm"
NO_SUCH_MODE = f"postgresql://{OWNER}:{SECRET}@127.0.0.1:1/crm?sslmode=sometimes"

OBSTACLES: list[tuple[Obstacle, type[TasklineError], str]] = [
    (wrong_password, MigrationSignInRefused, "refuses the user or password: password authentication failed"),
    (unknown_database, MigrationSignInRefused, "Check the database's name in the address"),
    (
        with_url(UNKNOWN_HOST),
        MigrationServerUnreachable,
        "Can't reach no-such-host.invalid, database crm: no such host",
    ),
    (with_url(REFUSED_PORT), MigrationServerUnreachable, "Can't reach 127.0.0.1:1, database crm: connection refused"),
    (with_url(BIG_PORT), MigrationTargetUnknown, "--url has a port that isn't a number from 1 to 65535"),
    (with_url(OTHER_SCHEME), MigrationTargetUnknown, "--url isn't an address"),
    (with_url(NO_SUCH_MODE), MigrationTargetUnknown, "Correct sslmode or sslrootcert in it"),
    (no_such_socket, MigrationServerUnreachable, "no such file or directory. Check host and port"),
    (asks_for_tls, MigrationServerUnreachable, "offers no TLS, but the address asks for it (sslmode=require)"),
    (speaks_http, MigrationServerUnreachable, "isn't PostgreSQL. Check host and port"),
    (hangs_up, MigrationServerUnreachable, "the connection was closed at once"),
    (of_version("14"), MigrationServerUnreachable, "runs PostgreSQL 14, but 15 to 18 are supported"),
    (of_version("19"), MigrationServerUnreachable, "runs PostgreSQL 19, but 15 to 18 are supported"),
    (no_connection_left, MigrationServerUnreachable, "has no connection left: too many connections"),
    (closed, MigrationServerUnreachable, "is not currently accepting connections. Try again later"),
    (read_only, MigrationRefused, "is read-only: default_transaction_read_only is on"),
    (may_not_connect, MigrationSignInRefused, "The database's owner can allow it: GRANT CONNECT"),
    (not_the_owner, MigrationRefused, "found owner crm_owner"),
    (may_not_create, MigrationRefused, "GRANT CREATE ON SCHEMA public TO the role that runs this"),
    (may_not_create_with_file, MigrationRefused, f"GRANT CREATE ON SCHEMA public TO {OWNER}"),
    (may_not_make_temporary_objects, MigrationRefused, "GRANT TEMPORARY ON DATABASE"),
    (no_such_file, MigrationFileUnusable, "There is no migration file 099_none.sql. In migrations/ there are"),
    (no_such_number, MigrationFileUnusable, f"There is no migration 099; there are {', '.join(NUMBERS)}"),
    (no_table, MigrationRefused, "has no table lead_interactions on the search path"),
]


@pytest.mark.parametrize(("obstacle", "kind", "words"), OBSTACLES, ids=[words[:40] for _, _, words in OBSTACLES])
def test_what_is_in_the_way_is_said_and_nothing_was_changed(
    legacy_database: CrmDatabase, obstacle: Obstacle, kind: type[TasklineError], words: str
) -> None:
    with ExitStack() as stack:
        arguments = obstacle(legacy_database, stack)
        before = schema_dump(legacy_database) if obstacle in UNCHANGED else None

        error, document = failure(*arguments)

        after = schema_dump(legacy_database) if obstacle in UNCHANGED else None
    assert kind is type(error)
    assert words in str(error)
    assert {"code": kind.code, "exit_code": kind.exit_code, "message": str(error)} == document
    assert SECRET not in str(error)
    assert "Errno" not in str(error)
    assert before == after


UNCHANGED = {not_the_owner, may_not_create, may_not_create_with_file, may_not_make_temporary_objects, no_table}


def test_a_server_that_never_answers_is_given_up() -> None:
    with answering(None) as port, pytest.raises(MigrationServerUnreachable, match=r"no answer within 0\.2 s"):
        asyncio.run(connect(f"postgresql://u:p@127.0.0.1:{port}/crm", timeout_s=0.2))


def test_a_network_that_is_silently_gone_is_noticed_by_the_system(database: CrmDatabase) -> None:
    async def options(url: str) -> list[int]:
        connection = await connect(url)
        ours = connection._transport.get_extra_info("socket")
        named = (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT)
        kept = [ours.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)]
        kept += [ours.getsockopt(socket.IPPROTO_TCP, option) for option in named]
        connection.terminate()
        return kept

    with wire(database) as line:
        assert [1, 30, 10, 3] == asyncio.run(options(line.url))


@pytest.mark.parametrize(
    ("state", "kind", "words"),
    [
        ("53100", MigrationFailed, "Make room on the server, then run it again: it goes on where it stopped."),
        ("53200", MigrationFailed, "Make room on the server, then run it again: it goes on where it stopped."),
        ("57014", MigrationFailed, "Run it again: it goes on where it stopped."),
        ("57P01", MigrationServerUnreachable, "was lost: no luck. Run it again: it goes on where it stopped."),
        ("25006", MigrationRefused, "no luck\nTry something."),
        ("42501", MigrationRefused, "no luck\nTry something."),
    ],
)
def test_what_a_statement_can_meet_is_said_with_what_to_do(
    legacy_database: CrmDatabase, tmp_path: Path, state: str, kind: type[TasklineError], words: str
) -> None:
    file = tmp_path / "099_unlucky.sql"
    file.write_text(f"DO $$ BEGIN RAISE 'no luck' USING ERRCODE = '{state}', HINT = 'Try something.'; END $$;")

    error, _ = failure("--url", legacy_database.owner_url, str(file))

    assert kind is type(error)
    assert str(error).endswith(words)


def test_the_document_of_a_failure_holds_the_steps_that_were_done(legacy_database: CrmDatabase) -> None:
    by_runner(legacy_database, through=40)
    legacy_database.psql(
        """ALTER TABLE lead_interactions ADD has_lead boolean GENERATED ALWAYS AS (lead_id IS NOT NULL) STORED,
                                         ADD CONSTRAINT of_lead CHECK (has_lead)"""
    )

    done = CliRunner().invoke(taskline, ["migrate", "up", "--json", "--url", legacy_database.owner_url])

    document = json.loads(done.stdout)
    (file,) = document["files"]
    *ended, failed = re.findall(r"^041 \+[\d.]+ s  (.+)$", done.stderr, re.MULTILINE)
    assert "MIGRATION_REFUSED" == document["error"]["code"]
    assert ended == [step["name"] for step in file["steps"]]
    assert "Columns" in ended
    assert failed not in ended
    assert (LINKS.name, "failed") == (file["file"], document["entries"][-1]["outcome"])


def test_the_document_of_a_failure_before_the_first_step_holds_none() -> None:
    done = CliRunner().invoke(taskline, ["migrate", "up", "--json", "--url", REFUSED_PORT])

    document = json.loads(done.stdout)
    assert ([], []) == (document["files"], document["entries"])
    assert "MIGRATION_SERVER_UNREACHABLE" == document["error"]["code"]


@pytest.mark.parametrize(
    "phase",
    [
        "041.*Columns",
        "041.*Indexes: idx_lead_interactions_account_id",
        "042.*Backfill",
        "043.*Backfill",
        "044.*Idempotency keys",
        "045.*History",
        "046.*Keys",
        "047.*Indexes",
    ],
)
def test_a_network_that_is_cut_midway_is_said_and_the_next_run_finishes(
    legacy_database: CrmDatabase, database: CrmDatabase, phase: str
) -> None:
    with wire(legacy_database) as line:

        def say(words: str) -> None:
            if re.match(phase, words):
                line.cut()

        with pytest.raises(MigrationServerUnreachable, match=r"was lost: .* Run it again: it goes on where it stopped"):
            asyncio.run(apply.up(line.url, api_role="crm_app", say=say))
    by_runner(legacy_database, api_role="crm_app")

    assert "" == legacy_database.psql(LEFTOVERS)
    assert fingerprint(database) == fingerprint(legacy_database)
