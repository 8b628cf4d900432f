"""Programs of the system that tests need, and that Python can't bring."""

import os
import shutil

import pytest


def program(name: str, package: str | None = None) -> str:
    """Return a program's path; without it the test fails in CI, and says so elsewhere.

    `package` is where Debian has it, if not in one of that name.
    """
    if found := shutil.which(name) or shutil.which(name, path="/usr/sbin"):
        return found
    missing = f"{name} is not installed: `apt-get install {package or name}` on Debian."
    if os.environ.get("CI") == "true":
        pytest.fail(missing)
    pytest.skip(missing)
