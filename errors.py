"""Every failure that Taskline expects, each with a stable code.

A subclass's docstring says what the failure means; its message says what happened in this case, with the value,
and what to do next. Codes are public: added, never renamed.
"""

from __future__ import annotations

from typing import ClassVar


class TasklineError(Exception):
    """Root of all expected failures."""

    code: ClassVar[str] = "INTERNAL"
    exit_code: ClassVar[int] = 1


class SettingsInvalid(TasklineError):
    """A setting is missing or has a value that can't be used."""

    code = "SETTINGS_INVALID"
