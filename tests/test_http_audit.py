"""The official audit of GraphQL over HTTP, run by Node.js against the served API."""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import NoReturn

import pytest

from tests.apis import api

AUDIT = Path(__file__).parent / "audit"


@pytest.fixture
def audit(tmp_path: Path) -> list[str]:
    """The command that runs the audit, installed into a folder of its own."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if not (node and npm):
        cannot_run("Node.js and npm are not installed: `apt-get install nodejs npm` on Debian.")
    folder = shutil.copytree(AUDIT, tmp_path / "audit", ignore=shutil.ignore_patterns("node_modules"))
    done = subprocess.run(
        [npm, "ci", "--loglevel=error", "--fetch-retries=0"],
        cwd=folder,
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    if done.returncode:
        cannot_run(f"npm can't install the audit: {done.stderr}")
    return [node, str(folder / "run.mjs")]


@pytest.mark.slow
@pytest.mark.node
def test_the_official_audit_has_nothing_to_say(audit: list[str]) -> None:
    with api() as served:
        address = served.client.base_url.join("/graphql")
        done = subprocess.run(
            [*audit, str(address), served.token()], check=True, capture_output=True, text=True, timeout=60
        )

    results = [json.loads(line) for line in done.stdout.splitlines()]
    assert 61 == len(results)
    assert [] == [result for result in results if result["status"] != "ok"]


def cannot_run(reason: str) -> NoReturn:
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)
