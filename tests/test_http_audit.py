"""The official audit of GraphQL over HTTP, run by Node.js against the served API."""

import json
from pathlib import Path

import pytest

from tests.apis import api
from tests.node_projects import installed, ran


@pytest.fixture
def audit(run_folder: Path) -> Path:
    """The folder of the audit, installed."""
    return installed(Path(__file__).parent / "audit", run_folder)


@pytest.mark.slow
@pytest.mark.node
def test_the_official_audit_has_nothing_to_say(audit: Path) -> None:
    with api() as served:
        address = served.client.base_url.join("/graphql")
        done = ran(["node", "run.mjs", str(address), served.token()], audit)

    assert 0 == done.returncode, done.stderr
    results = [json.loads(line) for line in done.stdout.splitlines()]
    assert 61 == len(results)
    assert [] == [result for result in results if result["status"] != "ok"]
