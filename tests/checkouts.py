"""What the runner needs of the project, in a folder of its own, where .env files and receipts are nobody else's."""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.databases import CrmDatabase

ROOT = Path(__file__).parent.parent
STAGING = ("migrate", "up", "--env", "staging")
PRODUCTION = ("migrate", "up", "--env", "production")


@dataclass(frozen=True, slots=True)
class Checkout:
    """A copy of the project whose commands run in processes of their own."""

    folder: Path

    @property
    def receipt(self) -> Path:
        return self.folder / "staging-receipt.json"

    def names(self, environment: str, database: CrmDatabase | str) -> None:
        """Write the address of an environment where the commands look for it."""
        url = database if isinstance(database, str) else database.owner_url
        (self.folder / f".env.{environment}").write_text(f"{environment.upper()}_DATABASE_URL='{url}'\n")

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-P", "-m", "commands", *arguments]

    def environment(self, **variables: str) -> dict[str, str]:
        return {"PATH": os.environ["PATH"], "PYTHONPATH": str(self.folder), **variables}

    def run(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run a command without a terminal; `variables` are all that it finds in its environment."""
        return subprocess.run(
            self.command(*arguments),
            cwd=self.folder,
            env=self.environment(**variables),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )


def make_checkout(folder: Path) -> Checkout:
    for name in ("commands", "migrations"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", "legacy"))
    for name in ("errors.py", "settings.py"):
        shutil.copy(ROOT / name, folder / name)
    return Checkout(folder)
