"""What the papers say is true: links, commands, queries and their answers, settings, codes, places."""

import importlib
import json
import re
import shlex
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

import click
import pytest
from graphql import GraphQLSchema, build_schema, parse, validate

import errors
from commands.__main__ import taskline
from docs.page_states import PICTURES
from errors import TasklineError
from server.failures import is_public
from tests.apis import Api
from tests.organizations import Organization
from tests.papers import PAPERS, PASSWORDS, ROOT, SETTINGS, blocks, commands, name_of, quoted, section, table
from tests.test_house import MAY_IMPORT

TEXTS = {name_of(path): path.read_text() for path in PAPERS}
README_TEXT = TEXTS["README.md"]
ERRORS, ARCHITECTURE = TEXTS["docs/errors.md"], TEXTS["ARCHITECTURE.md"]

# Of examples and of this machine, then of what is cited.
HOSTS = {"127.0.0.1", "localhost", "host", "keepachangelog.com", "graphql.github.io"}
PLACES = (
    "/graphql",
    "/api",
    "/graphiql",
    "/healthz",
    "/readyz",
    "/demo/token",
    "/tmp",  # noqa: S108 - compared, not written to
    "/var/cache/taskline",
    "/Library/Caches",
    "/proc/self/fd",
    "/usr/lib/postgresql",
)

KINDS = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, TasklineError)]
CODES = {kind.code for kind in KINDS}
PUBLIC_CODES = {kind.code for kind in KINDS if is_public(kind.__new__(kind))}

README_QUERIES = [*blocks(README_TEXT, "graphql"), *re.findall(r'"query": "([^"]*)"', README_TEXT)]


# Links, hosts and places.


@pytest.mark.parametrize("name", TEXTS)
def test_links_lead_somewhere(name: str) -> None:
    targets = re.findall(r"\]\(([^)#]+)[^)]*\)", TEXTS[name])

    broken = [to for to in targets if "://" not in to and not ((ROOT / name).parent / to).exists()]

    assert [] == broken


def test_each_picture_is_shown_with_words_for_it() -> None:
    shown = {
        (ROOT / name).parent / to for name, text in TEXTS.items() for to in re.findall(r"!\[[^\]]+\]\(([^)]+)\)", text)
    }
    there = {path for suffix in ("png", "webp") for path in (ROOT / "docs").rglob(f"*.{suffix}")}

    assert there == shown


def test_each_picture_of_the_pages_can_be_taken_anew() -> None:
    taken = {f"docs/{picture.name}.png" for picture in PICTURES}

    there = {name_of(path) for path in (ROOT / "docs").rglob("*.png")}

    assert {"docs/migration-latency.png", "docs/contest.png", "docs/growth.png"} == there ^ taken  # plots of bench/


@pytest.mark.parametrize("name", TEXTS)
def test_links_to_a_heading_find_it(name: str) -> None:
    for to, anchor in re.findall(r"\]\(([^)#:]*)#([^)]+)\)", TEXTS[name]):
        text = ((ROOT / name).parent / to).read_text() if to else TEXTS[name]
        headings = [re.sub(r"[^\w -]", "", line.lstrip("# ")).replace(" ", "-").lower() for line in text.splitlines()]

        assert anchor in headings


@pytest.mark.parametrize("name", [*TEXTS, "Dockerfile", "compose.yaml", ".env.example", ".dockerignore"])
def test_only_known_hosts_and_places_are_named(name: str) -> None:
    text = TEXTS.get(name) or (ROOT / name).read_text()
    hosts = {urlsplit(url).hostname or "" for url in re.findall(r"\w+://[^\s`'\"<>)|]+", text)}
    paths = re.findall(r"[\s`'\"(](/[a-zA-Z][\w/.-]+)", text)

    if name in TEXTS:
        assert [] == [path for path in paths if not path.startswith(PLACES)]
    assert {host for host in hosts if not host.endswith("example.com")} <= HOSTS | {"postgres"}


# The command line.


@pytest.mark.parametrize(
    ("name", "words"), [(name, words) for name in TEXTS for words in commands(TEXTS[name])], ids=str
)
def test_a_command_line_can_be_typed(name: str, words: list[str]) -> None:
    program, *arguments = words
    if program == "./run-migration-devtest":
        program, arguments = "./taskline", ["migrate", "up", "--env", "devtest", *arguments]
    command: click.Command = taskline

    while isinstance(command, click.Group) and arguments and not arguments[0].startswith("-"):
        found = command.get_command(click.Context(command), arguments[0])
        assert found, f"{name}: {' '.join(words)}"
        command, arguments = found, arguments[1:]
    if arguments or not isinstance(command, click.Group):
        command.make_context(program, arguments)


@pytest.mark.parametrize("line", re.findall(r"-m (bench\..*)", TEXTS["bench/README.md"]))
def test_a_benchmark_can_be_typed(line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("measured.json").touch()
    module, *arguments = shlex.split(line)

    command = importlib.import_module(module).main

    command.make_context(module, arguments)


def test_each_migration_named_is_there() -> None:
    named = {file for text in TEXTS.values() for file in re.findall(r"\b0\d\d_\w+(?:\.rollback)?\.sql", text)}

    assert set() == {file for file in named if not (ROOT / "migrations" / file).exists()}


# The README's queries, and the answers that it shows.


@pytest.fixture(scope="module")
def committed_schema() -> GraphQLSchema:
    return build_schema((ROOT / "schema" / "schema.graphql").read_text())


@pytest.mark.parametrize("query", README_QUERIES, ids=range(len(README_QUERIES)))
def test_a_query_is_valid(committed_schema: GraphQLSchema, query: str) -> None:
    assert [] == validate(committed_schema, parse(query))


@pytest.mark.slow
@pytest.mark.parametrize("query", README_QUERIES, ids=range(len(README_QUERIES)))
def test_a_query_is_answered(api: Api, organization: Organization, query: str) -> None:
    contact_id = organization.contact(last_name="Moreau")
    ids = {
        "contactId": str(contact_id),
        "accountId": str(organization.account(contact_id)),
        "taskId": str(organization.task(contact_id=contact_id)),
        "userId": str(organization.user_id),
    }

    data = api.data(organization.viewer(), query, **{name: id_ for name, id_ in ids.items() if f"${name}" in query})

    assert all(data.values())


@pytest.mark.slow
def test_the_first_answer_looks_like_the_one_shown(api: Api, organization: Organization) -> None:
    contact_id = organization.contact()
    organization.tasks([{"contact_id": contact_id, "scheduled_at": "2026-11-22T15:00Z"}] * 3)
    asked = section(README_TEXT, "A first query")
    (query,) = re.findall(r'"query": "([^"]*)"', asked)

    answer = api.ask(query, viewer=organization.viewer()).json()

    shown = json.loads(blocks(asked, "json")[0])
    assert shape(shown) == shape(answer)
    assert shown["extensions"]["cost"]["statements"] == answer["extensions"]["cost"]["statements"]


@pytest.mark.slow
def test_the_refusals_are_the_ones_shown(api: Api, organization: Organization) -> None:
    error, refusal = map(json.loads, blocks(section(README_TEXT, "When something is refused"), "json"))
    viewer = organization.viewer()

    (too_many,) = api.ask("{ tasks(first: 100000) { totalCount } }", viewer=viewer).json()["errors"]
    unlinked = 'mutation { createTask(input: {subject: "Call"}) { errors { ... on UserError { code message path } } } }'
    (no_link,) = api.data(viewer, unlinked)["createTask"]["errors"]

    assert error == {name: too_many[name] for name in error}
    assert refusal == no_link


def shape(value: object) -> object:
    """Return the value with its names and without what they hold."""
    if isinstance(value, dict):
        return {name: shape(inner) for name, inner in value.items()}
    return [shape(inner) for inner in value] if isinstance(value, list) else None


# Settings and codes.


def test_each_setting_named_exists() -> None:
    pattern = r"\b(?:TASKLINE_[A-Z_]*[A-Z]|(?:MIGRATION_)?DATABASE_URL)\b"

    named = {variable for text in TEXTS.values() for variable in re.findall(rf"(?<!_){pattern}", text)}

    assert set() == named - set(SETTINGS) - PASSWORDS


def test_each_code_named_exists() -> None:
    named = {word for word in quoted(ERRORS) if re.fullmatch(r"[A-Z]+(_[A-Z]+)*", word)}
    named |= set(re.findall(r'"code": "(\w+)"', README_TEXT))

    assert set() == named - CODES - set(SETTINGS)


def test_each_public_code_is_documented() -> None:
    assert set() == PUBLIC_CODES - set(quoted(ERRORS))


@pytest.mark.parametrize("row", table(section(ERRORS, "Exit codes of the command line")), ids=lambda row: row[0])
def test_an_exit_code_is_right(row: list[str]) -> None:
    exit_code, codes, _ = row

    found = {kind.exit_code for kind in KINDS if kind.code in re.findall(r"\w+", codes)}

    assert found <= {int(exit_code)}


# ARCHITECTURE.md.


def test_each_place_named_is_there() -> None:
    named = {word for word in quoted(ARCHITECTURE) if re.fullmatch(r"[\w.-]*(/[\w.-]*)+|[\w-]+\.(py|js)", word)}

    assert set() == {word for word in named if not word.startswith("/") and not (ROOT / word).exists()}


def test_each_folder_is_on_the_map() -> None:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    tops = {f"{Path(name).parts[0]}/" if "/" in name else name for name in listed}
    programs = {name for name in tops if name.endswith(("/", ".py", ".js")) or "." not in name}

    on_the_map = set(re.findall(r"`([^`]+)`", " ".join(row[0] for row in table(section(ARCHITECTURE, "The map")))))

    assert {"Dockerfile", "LICENSE"} == programs - on_the_map


def test_the_import_table_is_the_one_that_is_enforced() -> None:
    written = {
        folder.strip("`").removesuffix(".py").removesuffix("/"): set(ours.split(", ")) - {"nothing"}
        for folder, ours, _ in table(section(ARCHITECTURE, "Who may import whom"))
    }
    there = {name for name in MAY_IMPORT if (ROOT / name).is_dir() or (ROOT / f"{name}.py").is_file()}

    assert written == {name: {ours for ours in MAY_IMPORT[name][0] if ours in there} - {name} for name in there}
