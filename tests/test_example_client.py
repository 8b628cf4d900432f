"""The example of a client in Python does what it says."""

import os
import subprocess
import sys

import pytest

from tests.apis import Api
from tests.deadlines import DEADLINE_S
from tests.organizations import Organization
from tests.papers import ROOT


@pytest.mark.slow
def test_the_example_creates_completes_and_pages(api: Api, organization: Organization) -> None:
    account = organization.account(organization.contact(), account_name="Acme")
    organization.tasks([{"account_id": account, "scheduled_at": f"2030-01-0{day}T09:00Z"} for day in (1, 2, 3)])
    address = {
        "TASKLINE_URL": str(api.client.base_url.join("/graphql")),
        "TASKLINE_TOKEN": api.token(organization.viewer()),
    }

    done = subprocess.run(
        [sys.executable, "-W", "error", ROOT / "docs" / "example_client.py", str(account)],
        env=os.environ | address,
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=False,
    )

    assert "" == done.stderr
    tasks = [line.split("\t") for line in done.stdout.splitlines()]
    assert [["Acme", "PENDING", "Call"]] * 3 + [["Acme", "COMPLETED", "Renew the licence"]] == tasks
