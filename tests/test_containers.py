"""Dockerfile and compose.yaml, as far as they can be tried without an engine: their files, commands, SQL, settings."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from uuid import uuid4

import httpx2
import pytest
import yaml

from commands import serving
from db.embedded import EmbeddedServer
from settings import Settings
from tests import apis
from tests.databases import CrmDatabase, psql
from tests.demos import running, taskline
from tests.papers import PASSWORDS, ROOT, SETTINGS

DOCKERFILE = (ROOT / "Dockerfile").read_text().replace("\\\n", "")
COMPOSE_TEXT = (ROOT / "compose.yaml").read_text()
COMPOSE = yaml.safe_load(COMPOSE_TEXT)
API = COMPOSE["services"]["api"]
MIGRATE = COMPOSE["services"]["migrate"]

COPIES = [words.split() for words in re.findall(r"^COPY (?!--from)(.+)$", DOCKERFILE, re.MULTILINE)]
SOURCES = {source for *sources, _ in COPIES for source in sources}


def instruction(name: str) -> list[str]:
    """Return the words of the last instruction of this name, which is in exec form."""
    words: list[str] = json.loads(re.findall(rf"^{name}[^\[\n]*(\[.*\])$", DOCKERFILE, re.MULTILINE)[-1])
    return words


def is_healthy(port: int) -> bool:
    python, *arguments = instruction("HEALTHCHECK")
    assert python == "python"  # the image's; a machine may have none of that name, or one that isn't ours to run
    command = [sys.executable, *arguments]
    checked = subprocess.run(
        command, env=os.environ | {"TASKLINE_PORT": str(port)}, check=False, stderr=subprocess.DEVNULL
    )
    return checked.returncode == 0


def test_what_the_image_copies_is_there() -> None:
    assert set() == {source for source in SOURCES if not (ROOT / source).exists()}


def test_what_the_image_copies_is_what_docker_is_given() -> None:
    lines = (ROOT / ".dockerignore").read_text().splitlines()

    given = {line.removeprefix("!") for line in lines if line.startswith("!")}

    assert "*" in lines
    assert {source.rstrip("/") for source in SOURCES} == given - {"web"}  # only to let web/dist in


@pytest.mark.slow
def test_what_the_image_copies_serves_and_is_healthy(tmp_path: Path, database: CrmDatabase) -> None:
    image = tmp_path / "app"
    for *sources, target in COPIES:
        for source in map(ROOT.joinpath, sources):
            if source.is_dir():
                shutil.copytree(source, image / target, ignore=shutil.ignore_patterns("__pycache__"))
            elif source.suffix == ".py":
                image.mkdir(exist_ok=True)
                shutil.copy(source, image)
    # Without PYTHONSAFEPATH, the folder that tests run in would come first.
    python = {"PYTHONPATH": str(image), "PYTHONSAFEPATH": "1"}
    settings = {"DATABASE_URL": database.app_url, "TASKLINE_JWT_SECRET": apis.SECRET, "TASKLINE_PORT": "0"}

    with running(tmp_path, *instruction("CMD"), **python, **settings) as served:
        port = httpx2.URL(served.url).port or 0

        assert httpx2.get(f"{served.url}/readyz").json() == {"status": "ready"}
        assert httpx2.get(f"{served.url}/graphiql").status_code == 200
        assert is_healthy(port)

        assert served.stop(signal.SIGTERM) == 0

    assert not is_healthy(port)


def test_the_image_starts_the_command_line() -> None:
    assert ["python", "-m", "commands"] == instruction("ENTRYPOINT")


def test_compose_hands_on_settings_that_exist() -> None:
    assert set() == set(API["environment"]) - set(SETTINGS)
    assert set() == set(MIGRATE["environment"]) - set(SETTINGS)


def test_compose_hands_on_each_setting_that_means_something_in_a_container() -> None:
    chosen_by_compose = {"MIGRATION_DATABASE_URL", "TASKLINE_HOST", "TASKLINE_PORT", "TASKLINE_HOME"}
    never = {"TASKLINE_ALLOW_UNBOUND_ROLE", "TASKLINE_DEMO_ORGANIZATION_ID"}
    for_pruning = {"TASKLINE_EVENT_RETENTION_DAYS"}

    assert set(SETTINGS) - chosen_by_compose - never - for_pruning == set(API["environment"])
    assert for_pruning | {"TASKLINE_IDEMPOTENCY_HOURS"} <= set(MIGRATE["environment"])


def test_compose_asks_for_the_passwords_of_the_example() -> None:
    assert set(re.findall(r"\$\{(\w+)", COMPOSE_TEXT)) == PASSWORDS


def test_each_container_is_given_only_its_own_secrets() -> None:
    given = {name: set(re.findall(r"\$\{(\w+)", str(COMPOSE["services"][name]))) for name in ("migrate", "api")}

    assert {"migrate": {"CRM_OWNER_PASSWORD"}, "api": {"TASKLINE_API_PASSWORD"}} == given


def test_the_api_waits_for_the_database_and_its_migrations() -> None:
    assert {
        "postgres": {"condition": "service_healthy"},
        "migrate": {"condition": "service_completed_successfully"},
    } == API["depends_on"]


def test_compose_lets_the_api_end_by_itself() -> None:
    assert int(API["stop_grace_period"].removesuffix("s")) >= serving.longest_end_s(Settings())


@pytest.mark.slow
def test_a_new_database_of_compose_is_migrated_and_ready(
    postgres: EmbeddedServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The server is shared, so the names become this test's own.
    own = {name: f"{name}_{uuid4().hex[:12]}" for name in ("crm_owner", "taskline_api", "crm")}
    sql = re.sub(r"\b(crm_owner|taskline_api|crm)\b", lambda name: own[name[0]], COMPOSE["configs"]["roles"]["content"])
    (tmp_path / "roles.sql").write_text(sql)
    monkeypatch.setenv("CRM_OWNER_PASSWORD", "owner's")
    monkeypatch.setenv("TASKLINE_API_PASSWORD", "api's")
    owner_url = postgres.url(own["crm"], own["crm_owner"], password="owner's")
    api_url = postgres.url(own["crm"], own["taskline_api"], password="api's")

    psql(postgres, postgres.url(), "-f", str(tmp_path / "roles.sql"))
    migrated = taskline(
        tmp_path, *MIGRATE["command"], "--api-role", own["taskline_api"], MIGRATION_DATABASE_URL=owner_url
    )
    with apis.api(database_url=api_url) as api:
        ready = api.client.get("/readyz").json()

    assert (0, {"status": "ready"}) == (migrated.returncode, ready), migrated.stderr
    psql(postgres, postgres.url(), "-c", f"DROP DATABASE {own['crm']} WITH (FORCE)")
    psql(postgres, postgres.url(), "-c", f"DROP ROLE {own['crm_owner']}, {own['taskline_api']}")
