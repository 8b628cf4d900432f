"""`python -m commands.built_pages`: build the pages anew and compare them with those in `web/dist`, byte by byte.

So are the documents that they send, which the server trusts.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parent.parent
DOCUMENTS = Path("server", "page_documents.json")


def main() -> int:
    """Print each file that differs, or why nothing could be built; 0 when all is well."""
    npm = shutil.which("npm")
    if npm is None:
        sys.stderr.write("npm is missing: install Node.js 20.19 or newer to build the pages.\n")
        return 1
    with tempfile.TemporaryDirectory(prefix="taskline-pages-") as folder:
        # A copy, so that neither the built pages nor somebody's node_modules change under their feet.
        ignored = shutil.ignore_patterns("dist", "generated", "node_modules")
        web = Path(shutil.copytree(ROOT / "web", Path(folder) / "web", ignore=ignored))
        # By which the pages' operations are checked and typed.
        (Path(folder) / "schema").mkdir()
        shutil.copy(ROOT / "schema" / "schema.graphql", Path(folder) / "schema")
        if not _is_built(npm, web):
            return 1
        stale = _differences(web / "dist", ROOT / "web" / "dist")
        if (Path(folder) / DOCUMENTS).read_bytes() != (ROOT / DOCUMENTS).read_bytes():
            stale.append(f"{DOCUMENTS} differs")
    if stale:
        sys.stderr.write("\n".join((*stale, "Build and commit: cd web && npm ci && npm run build\n")))
    return 1 if stale else 0


def _is_built(npm: str, web: Path) -> bool:
    for step in (["ci", "--loglevel=error"], ["run", "--silent", "build"]):
        # The type checker complains on standard output, the bundler on the other one.
        done = subprocess.run(
            [npm, *step], cwd=web, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        if done.returncode:
            sys.stderr.write(done.stdout)
            return False
    return True


def _differences(built: Path, committed: Path) -> list[str]:
    ours, theirs = _contents(committed), _contents(built)
    return sorted(f"web/dist/{name} differs" for name in ours.keys() | theirs if ours.get(name) != theirs.get(name))


def _contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


if __name__ == "__main__":
    sys.exit(main())
