"""`./taskline check audit`: no pinned dependency has a published vulnerability, as OSV and npm know them.

Where they can't be reached nothing is found: that is said aloud, and the check passes. It is no fault of the commit.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import click

ROOT = Path(__file__).parent.parent
LOCKS, PACKAGES = ("requirements-dev.lock", "deploy/failover/requirements.lock"), "web/package-lock.json"
"""The first has all of requirements.lock; the second is Patroni's."""
PIN = re.compile(r"^(?P<pin>[\w.-]+(?:\[[\w,-]+\])?==[^\s;\\]+)(?: *; *(?P<marker>[^\\\n]+?))? *\\?$", re.MULTILINE)
UNREACHABLE = "error sending request for url"
"""What uv says when nobody answers."""


@click.command()
@click.option("--osv", help="Address of another OSV.")
@click.option("--npm", help="Address of another npm registry.")
def main(*, osv: str | None, npm: str | None) -> None:
    """Look up each pinned package; ends with 1 when any has a vulnerability."""
    found = [*(_python_is_bad(lock, osv) for lock in LOCKS), _pages_are_bad(npm)]
    sys.exit(1 if any(found) else 0)


def pins_of(lock: str) -> list[str]:
    """Return what a lock file pins, each with the platforms that it is for."""
    return [f"{found['pin']} ; {found['marker']}" if found["marker"] else found["pin"] for found in PIN.finditer(lock)]


def _python_is_bad(lock: str, address: str | None) -> bool:
    pins = pins_of((ROOT / lock).read_text())
    # uv looks at a project's own lock file, which would hold addresses: so it gets a project that wants just these.
    with tempfile.TemporaryDirectory(prefix="taskline-audit-") as folder:
        project = {
            "name": '"pinned"',
            "version": '"0"',
            "requires-python": '">=3.11"',
            "dependencies": json.dumps(pins),
        }
        text = "".join(f"{name} = {value}\n" for name, value in project.items())
        (Path(folder) / "pyproject.toml").write_text(f"[project]\n{text}")
        command = [sys.executable, "-m", "uv", "audit", "--preview-features", "audit-command"]
        done = _run([*command, *(["--service-url", address] if address else [])], Path(folder))
    if UNREACHABLE in done.stderr:
        return _is_untold(lock, done.stderr)
    sys.stdout.write(f"{lock}: {done.stdout or done.stderr}")
    return done.returncode != 0


def _pages_are_bad(address: str | None) -> bool:
    npm = shutil.which("npm")
    if npm is None:
        return _is_untold(PACKAGES, "npm is missing: install Node.js.")
    command = [npm, "audit", "--package-lock-only", "--json", *(["--registry", address] if address else [])]
    done = _run(command, ROOT / "web")
    try:
        report = json.loads(done.stdout)
    except json.JSONDecodeError:
        click.secho(f"{PACKAGES}: npm's answer can't be read: {done.stderr or done.stdout}", fg="red")
        return True
    if "message" in report:  # so npm says what the registry, or the way to it, refused
        return _is_untold(PACKAGES, report["message"])
    if "vulnerabilities" not in report:
        click.secho(f"{PACKAGES}: npm could not look: {done.stderr or done.stdout}", fg="red")
        return True
    names = ", ".join(sorted(report["vulnerabilities"]))
    sys.stdout.write(f"{PACKAGES}: {names and 'vulnerabilities in '}{names or 'none known'}\n")
    return bool(names)


def _is_untold(what: str, reason: str) -> bool:
    last = next(reversed(reason.strip().splitlines()), "no reason given")
    click.secho(f"NOT AUDITED: {what}, because nobody could be asked ({last.strip()}).", fg="yellow", bold=True)
    return False


def _run(command: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=folder, check=False, capture_output=True, text=True)


if __name__ == "__main__":
    main()
