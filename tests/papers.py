"""The papers, cut into the pieces that can be compared with the code."""

import re
import shlex
from pathlib import Path

from settings import Settings

ROOT = Path(__file__).parent.parent
PAPERS = [
    *sorted(ROOT.glob("*.md")),
    *sorted((ROOT / "docs").glob("*.md")),
    *(ROOT / name / "README.md" for name in ("bench", "web")),
]

SETTINGS = {
    name.upper() if name.endswith("database_url") else f"TASKLINE_{name.upper()}": field
    for name, field in Settings.model_fields.items()
}
# Of docker compose alone.
PASSWORDS = {"POSTGRES_PASSWORD", "CRM_OWNER_PASSWORD", "TASKLINE_API_PASSWORD"}

_BLOCK = re.compile(r"^ *```(\w+)\n(.*?)^ *```$", re.DOTALL | re.MULTILINE)
_COMMAND = re.compile(r"(?:\./taskline|(?<![\w/-])\./run-migration-devtest)(?: [^`|)\n]*)?")


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def blocks(text: str, language: str) -> list[str]:
    """Return the fenced blocks in this language."""
    return [body for found, body in _BLOCK.findall(text) if found == language]


def section(text: str, heading: str) -> str:
    """Return what stands below a heading of the second level."""
    assert f"\n## {heading}\n" in text, heading
    return text.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]


def table(text: str) -> list[list[str]]:
    """Return the rows of a text's only table, without its head."""
    lines = [line for line in text.splitlines() if line.startswith("|")][2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def quoted(text: str) -> list[str]:
    """Return what stands in backquotes, blocks aside."""
    return re.findall(r"`([^`\n]+)`", _BLOCK.sub("", text))


def commands(text: str) -> list[list[str]]:
    """Return the words of each command line of ours, in blocks and in backquotes, the command's own name first."""
    code = "\n".join([*blocks(text, "sh"), *quoted(text)]).replace("\\\n", " ")
    code = re.sub(r"(^|\s)#.*", "", code)
    return [shlex.split(line) for line in _COMMAND.findall(code)]
