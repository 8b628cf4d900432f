"""Fixtures for all tests: real servers, and a database of its own for each test that wants one."""

import json
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, settings
from playwright.sync_api import Browser

from db import embedded
from db.embedded import EmbeddedServer
from db.embedded_home import Home, is_free, locked
from tests import accessibility, apis
from tests.accessibility import Judge
from tests.apis import Api
from tests.browsers import chromium
from tests.databases import APP, CrmDatabase, copy, fill_legacy, fill_migrated, make_copy, template
from tests.large_crms import fill_large
from tests.linked_tasks import add_linked_tasks
from tests.migration_runs import LINKS, by_psql, by_runner, fingerprints
from tests.node_projects import installed
from tests.organizations import Organization, new_organization
from tests.owners import Owner, owner_of
from tests.timeline_pages import Desks
from tests.timeline_records import Customer

ROOT = Path(__file__).parent.parent
# The programs of each version that the product supports and this machine may have; None stands for the wheel's.
PROGRAMS: dict[str, Path | None] = {"18": None, "15": Path("/usr/lib/postgresql/15/bin")}


def versions() -> list[str]:
    """Return the versions to test: those that are installed, or of them only those in TASKLINE_TEST_POSTGRES."""
    wanted = os.environ.get("TASKLINE_TEST_POSTGRES", ",".join(PROGRAMS)).split(",")
    return [version for version, folder in PROGRAMS.items() if version in wanted and (not folder or folder.is_dir())]


def pytest_configure() -> None:
    if os.environ.get("CI") == "true" and "TASKLINE_TEST_POSTGRES" not in os.environ and versions() != list(PROGRAMS):
        raise pytest.UsageError(f"CI must test PostgreSQL {' and '.join(PROGRAMS)}; found {' and '.join(versions())}.")
    # What an example takes says something of the machine alone, which other tests share.
    settings.register_profile("shared", deadline=None, suppress_health_check=[HealthCheck.too_slow])
    settings.load_profile("shared")


def pytest_report_header() -> str:
    missing = [version for version in PROGRAMS if version not in versions()]
    return f"PostgreSQL: {', '.join(versions())}" + (f" (not tested here: {', '.join(missing)})" if missing else "")


@pytest.fixture(scope="session")
def stdlib_names() -> frozenset[str]:
    return sys.stdlib_module_names


@pytest.fixture(scope="session")
def run_folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that all workers of this run share."""
    own = tmp_path_factory.getbasetemp()
    return own.parent if hasattr(request.config, "workerinput") else own


@pytest.fixture(scope="session")
def clients(run_folder: Path) -> Path:
    """The project of other people's GraphQL tools, installed, with our schema in it."""
    return installed(ROOT / "tests" / "clients", run_folder, ROOT / "schema" / "schema.graphql")


@pytest.fixture(scope="session", params=versions())
def postgres(request: pytest.FixtureRequest, run_folder: Path) -> Iterator[EmbeddedServer]:
    """A throw-away server of each version, shared by the workers."""
    home = Home.open(run_folder / f"postgres-{request.param}")
    with embedded.start(home.folder, binaries=PROGRAMS[request.param], durable=False) as server:
        yield server
    with locked(home.lock):
        if is_free(home.alive):
            shutil.rmtree(home.data, ignore_errors=True)


@pytest.fixture(scope="session")
def legacy_template(postgres: EmbeddedServer, run_folder: Path) -> CrmDatabase:
    return template(postgres, "legacy_template", run_folder / f"legacy-{postgres.version}.lock", fill_legacy)


@pytest.fixture(scope="session")
def migrated_template(legacy_template: CrmDatabase, run_folder: Path) -> CrmDatabase:
    def fill(database: CrmDatabase) -> None:
        make_copy(legacy_template, database.name)
        fill_migrated(database)

    server = legacy_template.server
    return template(server, "migrated_template", run_folder / f"migrated-{server.version}.lock", fill)


@pytest.fixture(scope="session")
def through_template(legacy_template: CrmDatabase, run_folder: Path) -> Callable[[int], CrmDatabase]:
    """Return a template of the CRM after the migration of this number: copying it costs a tenth of migrating anew."""

    def make(version: int) -> CrmDatabase:
        def fill(database: CrmDatabase) -> None:
            make_copy(legacy_template, database.name)
            by_runner(database, through=version, api_role=APP)

        server = legacy_template.server
        return template(server, f"through_{version}", run_folder / f"through-{version}-{server.version}.lock", fill)

    return make


@pytest.fixture(scope="session")
def schemas(legacy_template: CrmDatabase, run_folder: Path) -> dict[int, str]:
    """The fingerprint of the schema after each migration, by its number."""
    file = run_folder / f"schemas-{legacy_template.server.version}.json"
    with locked(file.with_suffix(".lock")):
        if not file.exists():
            file.write_text(json.dumps(fingerprints(legacy_template)))
    return {int(version): found for version, found in json.loads(file.read_text()).items()}


@pytest.fixture(scope="session")
def large_crm(migrated_template: CrmDatabase, run_folder: Path) -> CrmDatabase:
    """A migrated CRM with a million interactions, which tests leave as it is."""

    def fill(database: CrmDatabase) -> None:
        make_copy(migrated_template, database.name)
        fill_large(database)

    server = migrated_template.server
    return template(server, "large_template", run_folder / f"large-{server.version}.lock", fill)


@pytest.fixture
def legacy_database(legacy_template: CrmDatabase) -> Iterator[CrmDatabase]:
    """A legacy CRM that no migration has touched."""
    with copy(legacy_template) as database:
        yield database


@pytest.fixture
def second_legacy_database(legacy_template: CrmDatabase) -> Iterator[CrmDatabase]:
    """Another one, to compare with."""
    with copy(legacy_template) as database:
        yield database


@pytest.fixture(scope="session")
def linked_template(legacy_template: CrmDatabase, run_folder: Path) -> CrmDatabase:
    def fill(database: CrmDatabase) -> None:
        make_copy(legacy_template, database.name)
        assert 0 == by_psql(database, LINKS).code
        assert 18 == add_linked_tasks(database)

    server = legacy_template.server
    return template(server, "linked_template", run_folder / f"linked-{server.version}.lock", fill)


@pytest.fixture
def linked_database(linked_template: CrmDatabase) -> Iterator[CrmDatabase]:
    """A CRM after 041 with three tasks of each combination of links: 18 that its rollback would lose."""
    with copy(linked_template) as database:
        yield database


@pytest.fixture
def database(migrated_template: CrmDatabase) -> Iterator[CrmDatabase]:
    """A legacy CRM with all migrations applied."""
    with copy(migrated_template) as database:
        yield database


@pytest.fixture(scope="session")
def crm(migrated_template: CrmDatabase) -> Iterator[CrmDatabase]:
    """A migrated CRM of this worker's own; tests make organizations of their own in it."""
    with copy(migrated_template) as database:
        yield database


@pytest.fixture(scope="session")
def api(crm: CrmDatabase) -> Iterator[Api]:
    """The API on `crm`; each answer says what it cost, as in the demo."""
    with apis.api(database_url=crm.app_url, demo_organization_id=uuid4()) as api:
        yield api


@pytest.fixture(scope="session")
def owner(crm: CrmDatabase) -> Iterator[Owner]:
    """The owner of `crm`."""
    with owner_of(crm) as owner:
        yield owner


@pytest.fixture
def organization(owner: Owner) -> Organization:
    """An organization with one user, and nothing else."""
    return new_organization(owner)


@pytest.fixture(scope="module")
def browser(api: Api, owner: Owner) -> Iterator[Browser]:  # noqa: ARG001 for the order alone
    """Chromium, started last and ended first: its event loop runs in this thread, where meanwhile no other can."""
    with chromium() as browser:
        yield browser


@pytest.fixture
def desks(browser: Browser, api: Api) -> Iterator[Desks]:
    """Browsers on the timeline page; at the end none may have complained or asked another host for something."""
    desks = Desks(browser, api)
    yield desks
    desks.close()
    assert [] == [url for desk in desks.desks for url in desk.foreign()]
    assert [] == [complaint for desk in desks.desks for complaint in desk.seen.complaints]


@pytest.fixture
def customer(owner: Owner) -> Customer:
    """A lead, a contact and an account in an organization of their own, and nothing done yet."""
    return Customer.new(owner)


@pytest.fixture(scope="session")
def judge(run_folder: Path) -> Judge:
    """axe, installed."""
    return Judge.of(installed(accessibility.PROJECT, run_folder))
