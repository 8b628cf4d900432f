"""`./taskline demo`, `token` and `serve`, as a newcomer meets them."""

import asyncio
import json
import os
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import psutil
import pytest

from db import embedded
from db.embedded_crm import EmbeddedCrm
from migrations.runner import apply, files
from tests.databases import APP, APP_PASSWORD, CrmDatabase, psql
from tests.deadlines import DEADLINE_S
from tests.demos import Running, running, starting, taskline

pytestmark = pytest.mark.slow

SEED_REPORT = """\
╔════════════════════════════════════════════════════════════════╗
║         MIGRATION VALIDATION REPORT                            ║
╚════════════════════════════════════════════════════════════════╝
✅ lead_id column: NULLABLE (allows tasks without leads)
✅ contact_id column: CREATED
✅ account_id column: CREATED
✅ contact_id index: CREATED
✅ account_id index: CREATED

🎉 MIGRATION COMPLETED SUCCESSFULLY!

Tasks can now link to:
  • Lead (lead_id) - for lead-specific tasks
  • Contact (contact_id) - for contact-specific tasks
  • Account (account_id) - for account-specific tasks
  • Any combination of the above
"""

CREATE = """mutation ($input: CreateTaskInput!) { createTask(input: $input) {
  task { id leadId contactId accountId } errors { __typename ... on UserError { message } } } }"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("it's a home with spaces")


@pytest.fixture(scope="module")
def interrupted(home: Path) -> tuple[int, str]:
    """The exit code and the words of the demo's very first start, which Ctrl-C ended while psql filled the database."""
    with starting(home, "demo", "--port", "0") as demo:
        demo.wait_until(lambda: is_filling(demo.process.pid))
        os.killpg(demo.process.pid, signal.SIGINT)
        return demo.process.wait(DEADLINE_S), demo.text


@pytest.fixture(scope="module")
def first_start(home: Path, interrupted: tuple[int, str]) -> Iterator[Running]:
    """The start after it, which makes the demo, left running."""
    assert interrupted
    with running(home, "demo", "--port", "0", TASKLINE_JWKS_URL="https://login.example.com/keys") as demo:
        yield demo


@pytest.fixture(scope="module")
def token(home: Path, first_start: Running) -> Callable[[str], str]:
    assert first_start.text

    def of(role: str) -> str:
        return taskline(home, "token", "--role", role).stdout.strip()

    return of


def ask(url: str, token: str, query: str, **variables: object) -> dict[str, dict[str, object]]:
    body = {"query": query, "variables": variables}
    headers = {"Authorization": f"Bearer {token}"}
    answer = httpx2.post(f"{url}/graphql", json=body, headers=headers, timeout=DEADLINE_S).json()
    assert "errors" not in answer, answer
    data: dict[str, dict[str, object]] = answer["data"]
    return data


def is_filling(demo: int) -> bool:
    """Tell whether psql, started by this process, is loading the legacy CRM's rows."""
    try:
        return any("legacy_data.sql" in " ".join(child.cmdline()) for child in psutil.Process(demo).children())
    except psutil.NoSuchProcess:  # an earlier psql has just ended
        return False


def test_ctrl_c_while_the_demo_is_made_is_quiet(interrupted: tuple[int, str]) -> None:
    exit_code, said = interrupted

    assert 130 == exit_code
    assert [] == [line for line in said.splitlines() if line and not line.startswith("✓ PostgreSQL is running")]


def test_the_migration_reports_before_everybodys_eyes(first_start: Running) -> None:
    assert SEED_REPORT in first_start.text
    assert "not proven" not in first_start.text


def test_the_demo_is_ready_and_its_pages_are_there(first_start: Running) -> None:
    assert httpx2.get(f"{first_start.url}/readyz").json() == {"status": "ready"}
    assert httpx2.get(f"{first_start.url}/graphiql").status_code == 200


@pytest.mark.parametrize("role", ["admin", "user", "viewer"])
def test_each_role_has_a_token(first_start: Running, token: Callable[[str], str], role: str) -> None:
    viewer = ask(first_start.url, token(role), "{ viewer { role user { displayName } } }")["viewer"]

    assert viewer["role"] == role.upper()
    assert viewer["user"]


@pytest.mark.usefixtures("first_start")
def test_the_token_command_prints_one_token_and_nothing_else(home: Path) -> None:
    done = taskline(home, "token", "--role", "admin")

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("\n") == 1
    assert done.stdout.count(".") == 2


def test_the_printed_query_answers(first_start: Running, token: Callable[[str], str]) -> None:
    printed = json.loads(first_start.text.partition("-d '")[2].partition("'\n")[0])

    answer = ask(first_start.url, token("user"), printed["query"])

    assert answer["tasks"]["nodes"]


def test_the_printed_line_for_psql_shows_rows(first_start: Running) -> None:
    line = next(line for line in first_start.text.splitlines() if "psql" in line)

    shown = subprocess.run(
        ["/bin/sh", "-c", f"{line} -XAt -c 'SELECT count(*) FROM lead_interactions'"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert (0, "") == (shown.returncode, shown.stderr)
    assert int(shown.stdout) > 0


def test_the_demo_has_late_and_coming_tasks(first_start: Running, token: Callable[[str], str]) -> None:
    query = """{ tasks(first: 200, filter: {links: {only: [ACCOUNT]}, status: [PENDING, SCHEDULED]}) {
        nodes { isOverdue } } }"""

    nodes = ask(first_start.url, token("user"), query)["tasks"]["nodes"]

    assert {node["isOverdue"] for node in nodes} == {True, False}  # type: ignore[attr-defined]


def test_tasks_of_all_kinds_survive_ctrl_c_and_kill(tmp_path: Path) -> None:
    """The seed's four checks: a task for a contact, an account, both, and one for a lead; before and after."""
    with running(tmp_path, "demo", "--port", "0") as demo:
        user = taskline(tmp_path, "token", "--role", "user").stdout.strip()
        made = {name: create(demo.url, user, name, links) for name, links in link_choices(demo.url, user).items()}
        existing = complete_an_existing_task_of_a_lead(demo.url, user)
        children = psutil.Process(demo.process.pid).children(recursive=True)
        assert demo.stop(signal.SIGINT) == 0
    assert [child for child in children if child.is_running()] == []
    assert servers_of(tmp_path) == []

    take_back_the_last_migration(tmp_path)
    with running(tmp_path, "demo", "--port", "0") as demo:
        after_ctrl_c = {name: subject(demo.url, user, id_) for name, id_ in made.items()}
        assert {"status": "ready"} == httpx2.get(f"{demo.url}/readyz").json()
        assert "MIGRATION VALIDATION REPORT" not in demo.text  # everything is used again
        assert ".sql" in demo.text  # what an older release didn't have is made up for
        demo.stop(signal.SIGKILL)
    with running(tmp_path, "demo", "--port", "0") as demo:
        assert ".sql" not in demo.text  # nothing to do, nothing to say
        after_kill = {name: subject(demo.url, user, id_) for name, id_ in made.items()}
        status = ask(demo.url, user, "query ($id: ID!) { task(id: $id) { status outcome } }", id=existing)["task"]

    assert {name: f"For {name}" for name in made} == after_ctrl_c == after_kill
    assert status == {"status": "COMPLETED", "outcome": "Successful"}
    assert servers_of(tmp_path) == []


def take_back_the_last_migration(home: Path) -> None:
    with embedded.start(home) as server:
        crm = EmbeddedCrm(server, "demo", way_out="")
        asyncio.run(apply.rollback(crm.owner_url, files.forward(None)[-1].version, say=lambda _: None))


def link_choices(url: str, token: str) -> dict[str, dict[str, str]]:
    query = """{ searchRecords(search: "a", kinds: [ACCOUNT], first: 1) { id ... on Account { contact { id } } }
               }"""
    found: Any = ask(url, token, query)
    account = found["searchRecords"][0]
    contact_link, account_link = {"contactId": account["contact"]["id"]}, {"accountId": account["id"]}
    return {
        "contact": contact_link,
        "account": account_link,
        "both": contact_link | account_link,
    }


def complete_an_existing_task_of_a_lead(url: str, token: str) -> str:
    query = "{ tasks(first: 1, filter: {links: {only: [LEAD]}, status: [PENDING]}) { nodes { id } } }"
    found: Any = ask(url, token, query)
    id_: str = found["tasks"]["nodes"][0]["id"]
    mutation = """mutation ($id: ID!) { completeTask(input: {id: $id, outcome: "Successful"}) {
      task { lead { id } } errors { __typename } } }"""
    payload: Any = ask(url, token, mutation, id=id_)["completeTask"]
    assert payload["errors"] == []
    assert payload["task"]["lead"]
    return id_


def create(url: str, token: str, name: str, links: dict[str, str]) -> str:
    payload: Any = ask(url, token, CREATE, input={"subject": f"For {name}"} | links)["createTask"]
    assert payload["errors"] == []
    id_: str = payload["task"]["id"]
    return id_


def subject(url: str, token: str, id_: str) -> object:
    return ask(url, token, "query ($id: ID!) { task(id: $id) { subject } }", id=id_)["task"]["subject"]


def servers_of(home: Path) -> list[int]:
    """Return the processes that hold a file of this home open."""
    found = []
    for process in psutil.process_iter(["pid", "cwd"]):
        cwd = process.info["cwd"] or ""
        if cwd.startswith(str(home)):
            found.append(process.info["pid"])
    return found


def test_a_port_in_use_is_one_clear_sentence(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]

        done = taskline(tmp_path, "demo", "--port", str(port))

    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert f"127.0.0.1:{port}" in done.stderr
    assert "--port" in done.stderr


def test_a_token_without_a_demo_says_how_to_get_one(tmp_path: Path) -> None:
    done = taskline(tmp_path, "token", "--role", "user")

    assert (done.returncode, done.stdout) == (1, "")
    assert "./taskline demo" in done.stderr


@pytest.mark.parametrize(
    ("url", "word"),
    [
        ("mysql://somewhere", "postgresql://"),
        ("postgresql://u:p#w@[half", "postgresql://"),
        ("postgresql://u@127.0.0.1:99999/crm", "postgresql://"),
    ],
)
def test_a_broken_address_is_one_clear_sentence(tmp_path: Path, url: str, word: str) -> None:
    done = taskline(tmp_path, "serve", "--port", "0", DATABASE_URL=url, TASKLINE_JWT_SECRET="x" * 40)

    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "DATABASE_URL" in done.stderr
    assert word in done.stderr


def test_a_database_that_refuses_us_is_one_clear_sentence(database: CrmDatabase, tmp_path: Path) -> None:
    url = database.server.url("no_such_database", APP, password=APP_PASSWORD)

    done = taskline(tmp_path, "serve", "--port", "0", DATABASE_URL=url, TASKLINE_JWT_SECRET="x" * 40)

    assert (1, 1) == (done.returncode, done.stderr.count("\n"))
    assert "DATABASE_URL" in done.stderr


def test_a_database_that_is_away_is_waited_for(tmp_path: Path) -> None:
    url = "postgresql://somebody@127.0.0.1:1/crm"

    with running(tmp_path, "serve", "--port", "0", DATABASE_URL=url, TASKLINE_JWT_SECRET="x" * 40) as served:
        assert "Serving all the same" in served.text
        assert 503 == httpx2.get(f"{served.url}/readyz").status_code


def test_serving_without_a_key_for_tokens_says_what_to_set(tmp_path: Path) -> None:
    done = taskline(tmp_path, "serve", "--port", "0")

    assert done.returncode == 1
    assert "TASKLINE_JWT_SECRET" in done.stderr


def test_serving_as_the_owner_is_refused(database: CrmDatabase, tmp_path: Path) -> None:
    done = taskline(tmp_path, "serve", "--port", "0", DATABASE_URL=database.owner_url, TASKLINE_JWT_SECRET="x" * 40)

    assert done.returncode == 1
    assert "row security" in done.stderr


def test_serving_an_own_empty_database_migrates_it(tmp_path: Path) -> None:
    with running(tmp_path, "serve", "--port", "0", TASKLINE_JWT_SECRET="x" * 40, DATABASE_URL="") as served:
        assert httpx2.get(f"{served.url}/readyz").json() == {"status": "ready"}


def test_serving_an_own_database_that_was_never_finished_finishes_it(tmp_path: Path) -> None:
    with embedded.start(tmp_path) as server:
        crm = EmbeddedCrm(server, "taskline", way_out="")
        crm.create()
        psql(server, server.url(), "-c", f"DROP ROLE {crm.api_role}")

    with running(tmp_path, "serve", "--port", "0", TASKLINE_JWT_SECRET="x" * 40) as served:
        assert httpx2.get(f"{served.url}/readyz").json() == {"status": "ready"}


def test_a_home_that_cant_be_written_is_one_clear_sentence() -> None:
    nowhere = Path("/dev/null/home")  # not even for root

    done = taskline(nowhere, "demo", "--port", "0")

    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "TASKLINE_HOME" in done.stderr


def test_the_list_of_commands_needs_no_argument(tmp_path: Path) -> None:
    done = taskline(tmp_path)

    assert done.returncode == 0
    for name in ("demo", "serve", "token", "migrate", "test", "check"):
        assert f"  {name} " in done.stdout


@pytest.mark.parametrize("name", ["demo", "serve", "token", "migrate", "test", "check"])
def test_each_command_has_help_with_an_example(tmp_path: Path, name: str) -> None:
    done = taskline(tmp_path, name, "--help")

    assert done.returncode == 0, done.stderr
    assert "Example: " in done.stdout
