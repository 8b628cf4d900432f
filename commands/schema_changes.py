"""`./taskline check changes`: whatever breaks clients of the last release's schema is told in CHANGELOG.md."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from graphql import build_schema
from graphql.utilities import find_breaking_changes, find_dangerous_changes

ROOT = Path(__file__).parent.parent
SDL, CHANGELOG = "schema/schema.graphql", "CHANGELOG.md"


class NothingReleased(Exception):
    """No tag, no schema in it, or no repository at all; in git's words."""


def main(root: Path = ROOT) -> int:
    """Compare the schema with the last tag's; 1 when something breaks clients and the changelog doesn't say so."""
    try:
        tag = _git(root, "describe", "--tags", "--abbrev=0")
        released = _git(root, "show", f"{tag}:{SDL}")
    except NothingReleased as exc:
        sys.stdout.write(f"There is no released schema to compare with. git says: {exc}\n")
        return 0
    before, now = build_schema(released), build_schema((root / SDL).read_text())
    for change in find_dangerous_changes(before, now):
        sys.stdout.write(f"since {tag}, with care: {change.description}\n")
    told = _since(tag, (root / CHANGELOG).read_text())
    untold = [change.description for change in find_breaking_changes(before, now) if change.description not in told]
    if untold:
        lines = "".join(f"- **Breaking**: {description}\n" for description in untold)
        sys.stderr.write(
            f"These changes break clients of {tag}, and {CHANGELOG} doesn't say so. Undo them, or add above the entry "
            f"of that release, with what clients are to do:\n{lines}"
        )
    return 1 if untold else 0


def _since(tag: str, changelog: str) -> str:
    """Return what the changelog says above the entry of that release, in one line."""
    since, _, _ = changelog.partition(f"\n## [{tag.removeprefix('v')}]")
    return " ".join(since.split())


def _git(root: Path, *arguments: str) -> str:
    """Return what git answers. Raises NothingReleased with its words when it has no answer."""
    program = shutil.which("git")
    if program is None:
        raise NothingReleased("nothing, for it isn't installed.")
    done = subprocess.run([program, *arguments], cwd=root, capture_output=True, text=True, check=False)
    if done.returncode:
        raise NothingReleased(" ".join(done.stderr.split()))
    return done.stdout.strip()


if __name__ == "__main__":
    sys.exit(main())
