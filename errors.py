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


class BadUserInput(TasklineError):
    """The request can't be understood, or holds a value that can't be used."""

    code = "BAD_USER_INPUT"


class MethodNotAllowed(BadUserInput):
    """The address exists but doesn't take this HTTP method."""


class MediaTypeUnsupported(BadUserInput):
    """The body isn't in the format that the address takes."""


class Unauthenticated(TasklineError):
    """The request carries no token, or one that this server doesn't accept."""

    code = "UNAUTHENTICATED"


class LimitExceeded(TasklineError):
    """The request is larger or dearer than a limit allows."""

    code = "LIMIT_EXCEEDED"


class BodyTooLarge(LimitExceeded):
    """The body of the request is longer than a limit allows."""


class Unavailable(TasklineError):
    """Something that the answer needs can't be reached for the moment."""

    code = "UNAVAILABLE"


class HomeUnusable(TasklineError):
    """The folder that Taskline keeps its data in can't be made or written to."""

    code = "HOME_UNUSABLE"


class ServerBinariesMissing(TasklineError):
    """There are no PostgreSQL programs that run on this machine, so no embedded server either."""

    code = "SERVER_BINARIES_MISSING"


class ServerDataIncompatible(TasklineError):
    """The embedded server's data folder is of another major version, or not one at all."""

    code = "SERVER_DATA_INCOMPATIBLE"


class ServerNotStarted(TasklineError):
    """The embedded server gave up while it was made or started; its own words are in the message."""

    code = "SERVER_NOT_STARTED"


class ServerStuck(TasklineError):
    """The embedded server neither answers nor ends."""

    code = "SERVER_STUCK"
