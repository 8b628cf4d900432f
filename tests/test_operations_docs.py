"""docs/operations.md says what the settings are, and what it gives to logrotate does what it says."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import get_args

import httpx2
import pytest
from pydantic.fields import FieldInfo

from tests.apis import SECRET, api
from tests.databases import CrmDatabase
from tests.deadlines import eventually
from tests.demos import environment
from tests.papers import ROOT, SETTINGS, section, table
from tests.ports import free_port
from tests.programs import program

OPERATIONS = (ROOT / "docs" / "operations.md").read_text()
ROWS = {row[0].strip("`"): row[1:] for row in table(section(OPERATIONS, "Every setting"))}


def test_each_setting_has_a_row_in_order() -> None:
    assert [*SETTINGS] == [*ROWS]


@pytest.mark.parametrize("variable", SETTINGS)
def test_a_row_tells_the_default_and_what_is_taken(variable: str) -> None:
    field = SETTINGS[variable]
    default, taken, what = ROWS[variable]

    assert default_of(field) == default.strip("`")
    assert taken_by(field) in {None, taken}
    assert taken
    assert what


def default_of(field: FieldInfo) -> str:
    if field.default_factory or field.default is None:
        return ""
    return str(field.default).lower() if isinstance(field.default, bool) else str(field.default)


def taken_by(field: FieldInfo) -> str | None:
    """Return the words for what the setting's own declaration allows, or None where that is in a function."""
    if isinstance(field.default, bool):
        return "`true`, `false`"
    if isinstance(field.default, str) and get_args(field.annotation):
        return ", ".join(f"`{value}`" for value in get_args(field.annotation))
    bounds = {name: getattr(bound, name) for bound in field.metadata for name in ("ge", "le") if hasattr(bound, name)}
    if not bounds:
        return None
    return f"{bounds['ge']:,} to {bounds['le']:,}" if "le" in bounds else f"{bounds['ge']:,} or more"


def rotate(folder: Path) -> None:
    """Let logrotate do what deploy/logrotate/taskline says, as if a day had passed, with the files in this folder."""
    rules = folder / "rules"
    text = (ROOT / "deploy" / "logrotate" / "taskline").read_text()
    rules.write_text(text.replace("/var/log/taskline", str(folder)))
    rules.chmod(0o600)  # logrotate reads no rules that others could write
    command = [program("logrotate"), "--force", "--state", str(folder / "state"), str(rules)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (0, "") == (done.returncode, done.stderr)


def test_a_rotated_audit_trail_misses_no_line(tmp_path: Path) -> None:
    file = tmp_path / "audit.jsonl"
    with api(audit_file=file) as running:
        for round_number in range(3):
            headers = {"Authorization": "Bearer wrong", "X-Request-Id": f"r-{round_number}"}
            running.client.get("/graphql", headers=headers)
            assert eventually(lambda: file.exists() and len(file.read_text().splitlines()) == 1)
            rotate(tmp_path)

    kept = [tmp_path / "audit.jsonl.3.gz", tmp_path / "audit.jsonl.2.gz", tmp_path / "audit.jsonl.1"]
    texts = [subprocess.run(["zcat", "-f", path], capture_output=True, text=True, check=True).stdout for path in kept]
    assert ["r-0", "r-1", "r-2"] == [json.loads(text)["request_id"] for text in texts]
    assert not file.exists()


def test_a_log_that_was_emptied_goes_on_at_its_begin(crm: CrmDatabase, tmp_path: Path) -> None:
    file, port = tmp_path / "taskline.log", free_port()
    own = {"DATABASE_URL": crm.app_url, "TASKLINE_JWT_SECRET": SECRET, "TASKLINE_PORT": str(port)}
    command = [sys.executable, "-m", "commands", "serve"]
    with file.open("ab") as log:
        process = subprocess.Popen(
            command, env=environment(tmp_path / "home", **own), cwd=ROOT, stdout=subprocess.DEVNULL, stderr=log
        )
    try:
        assert eventually(lambda: answers(port))
        assert eventually(lambda: "/healthz" in file.read_text())

        rotate(tmp_path)
        answers(port)

        assert eventually(lambda: re.match(r"\d{4}-\d\d-\d\d .* GET '/healthz' 200", file.read_text()))
        assert (tmp_path / "taskline.log.1.gz").exists()
    finally:
        process.terminate()
        process.wait()


def answers(port: int) -> bool:
    try:
        return httpx2.get(f"http://127.0.0.1:{port}/healthz").status_code == 200
    except httpx2.TransportError:
        return False
