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


# What a caller of the API can meet.


class BadUserInput(TasklineError):
    """The request can't be understood, or holds a value that can't be used."""

    code = "BAD_USER_INPUT"


class BadFields(BadUserInput):
    """Values of a request can't be used; `faults` has the failure of each, with the name of its field."""

    def __init__(self, *faults: tuple[TasklineError, str]) -> None:
        super().__init__(" ".join(str(fault) for fault, _ in faults))
        self.faults = faults


class BadCursor(BadUserInput):
    """A cursor is malformed, or belongs to another list, order or filter."""


class MethodNotAllowed(BadUserInput):
    """The address exists but doesn't take this HTTP method."""


class MediaTypeUnsupported(BadUserInput):
    """The body isn't in the format that the address takes."""


class DocumentUnknown(TasklineError):
    """The request names a document by an id that none of the trusted ones has."""

    code = "PERSISTED_QUERY_NOT_FOUND"


class DocumentNotTrusted(TasklineError):
    """Only trusted documents are run, and the text of the request is none of them."""

    code = "DOCUMENT_NOT_TRUSTED"


class Unauthenticated(TasklineError):
    """The request carries no token, or one that this server doesn't accept."""

    code = "UNAUTHENTICATED"


class LimitExceeded(TasklineError):
    """The request is larger or dearer than a limit allows."""

    code = "LIMIT_EXCEEDED"


class BodyTooLarge(LimitExceeded):
    """The body of the request is longer than a limit allows."""


class TooManyRequests(LimitExceeded):
    """One person, or one address, asks too often; `wait_s` is in how many seconds the next request is welcome."""

    def __init__(self, message: str, wait_s: int) -> None:
        super().__init__(message)
        self.wait_s = wait_s


class NotFound(TasklineError):
    """The record asked for is not there, or not in the caller's organization."""

    code = "NOT_FOUND"


class ResumeExpired(TasklineError):
    """The place in the stream of events is too old, or of another database."""

    code = "RESUME_EXPIRED"


class TimedOut(TasklineError):
    """A statement or a wait for a lock took longer than allowed and was stopped."""

    code = "TIMEOUT"


class BodyTooSlow(TimedOut):
    """The body of the request didn't come in the time allowed."""


class Unavailable(TasklineError):
    """Something that the answer needs can't be reached for the moment."""

    code = "UNAVAILABLE"


class Crowded(Unavailable):
    """One person asks for more at a time than is answered at a time."""

    def __init__(self) -> None:
        super().__init__(
            "As many of your requests as are answered at a time take long. Try again in a few seconds, and ask for"
            " less."
        )


class ConnectionLost(Unavailable):
    """The connection to the database broke under a statement."""


class ChangeUnknown(ConnectionLost):
    """The connection broke while a change was saved that would be made twice if it were sent again."""


class AnswerLost(TasklineError):
    """A change was made that must not be sent again, and only its answer could not be read."""

    code = "ANSWER_LOST"


class DatabaseSilent(Unavailable):
    """The database takes connections, and doesn't answer."""


class DatabaseReadOnly(Unavailable):
    """The database takes no changes: a standby, or one that was set so."""


class DatabaseFull(Unavailable):
    """The database's disk has no room for what was to be changed."""


class DatabaseRefused(Unavailable):
    """The database server answers, but not to this role, password or database name."""


# What a change of a task can meet. `field` is the input field at fault, if it is one field.


class Refusal(TasklineError):
    """A change was refused, and the caller can do something about it."""

    def __init__(self, message: str, field: str | None = None) -> None:
        super().__init__(message)
        self.field = field


class Invalid(Refusal):
    """A value can't be accepted."""

    code = "VALIDATION"


class LinkRequired(Refusal):
    """A task must be linked to a lead, a contact or an account."""

    code = "LINK_REQUIRED"


class RecordNotFound(Refusal):
    """A record, task or colleague isn't there, or isn't the caller's to see."""

    code = "RECORD_NOT_FOUND"

    def __init__(self, message: str, field: str | None, missing_id: str) -> None:
        super().__init__(message, field)
        self.missing_id = missing_id


class StaleVersion(Refusal):
    """Somebody changed the task in the meantime; `current` is its row as it is now."""

    code = "STALE_VERSION"

    def __init__(self, message: str, field: str, current: object) -> None:
        super().__init__(message, field)
        self.current = current


class IdempotencyConflict(Refusal):
    """The caller's idempotency key was used before, with another input."""

    code = "IDEMPOTENCY_CONFLICT"


class Forbidden(Refusal):
    """The caller's role doesn't allow this."""

    code = "FORBIDDEN"


class Refused(TasklineError):
    """A change was refused for the reasons in `refusals`; nothing was changed."""

    def __init__(self, *refusals: Refusal) -> None:
        super().__init__("; ".join(str(refusal) for refusal in refusals))
        self.refusals = refusals


# What the database can answer.


class UnboundRole(TasklineError):
    """The API's database role is not bound by row security."""

    code = "UNBOUND_ROLE"


class ConstraintViolated(TasklineError):
    """A constraint of the database refused a row; `constraint` names it."""

    code = "CONFLICT"

    def __init__(self, constraint: str | None) -> None:
        super().__init__(f"The database refused the row by its constraint {constraint}.")
        self.constraint = constraint


# The embedded server.


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


# The migration runner; each has an exit code of its own.


class MigrationTargetUnknown(TasklineError):
    """No address of the database to migrate was given, or one that can't be read."""

    code = "MIGRATION_TARGET_UNKNOWN"
    exit_code = 10


class MigrationFileUnusable(TasklineError):
    """A migration file is missing, or holds something that the runner can't run."""

    code = "MIGRATION_FILE_UNUSABLE"
    exit_code = 11


class MigrationServerUnreachable(TasklineError):
    """The server doesn't answer, went away, or isn't a version that is supported."""

    code = "MIGRATION_SERVER_UNREACHABLE"
    exit_code = 12


class MigrationSignInRefused(TasklineError):
    """The server answers but refuses the user, the password or the database."""

    code = "MIGRATION_SIGN_IN_REFUSED"
    exit_code = 13


class MigrationRefused(TasklineError):
    """A migration found something that it mustn't change by itself; what was found and what to do is in the message."""

    code = "MIGRATION_REFUSED"
    exit_code = 14


class MigrationBlocked(TasklineError):
    """A lock could not be had in the time allowed; running again goes on from there."""

    code = "MIGRATION_BLOCKED"
    exit_code = 15


class MigrationFailed(TasklineError):
    """A statement of a migration failed; the server's own words are in the message."""

    code = "MIGRATION_FAILED"
    exit_code = 16


class MigrationMissing(TasklineError):
    """The database's schema is not what the migrations make; each miss is in the message."""

    code = "MIGRATION_MISSING"
    exit_code = 17


class MigrationNotPromoted(TasklineError):
    """What would run on production has not been seen to run on staging."""

    code = "MIGRATION_NOT_PROMOTED"
    exit_code = 18


class RehearsalFailed(TasklineError):
    """A rehearsal could not be done; the target was only read."""

    code = "REHEARSAL_FAILED"
    exit_code = 20


class MigrationExportFailed(TasklineError):
    """The file for the links that a rollback would lose is there already, or can't be written."""

    code = "MIGRATION_EXPORT_FAILED"
    exit_code = 21


class DatabaseAiling(TasklineError):
    """The doctor found something that makes the API fail or answer wrongly."""

    code = "DATABASE_AILING"
    exit_code = 19


# The demo and the server process.


class DemoNotMade(TasklineError):
    """There is no demo, or what is kept of it can't be read."""

    code = "DEMO_NOT_MADE"


class DatabaseNotMade(TasklineError):
    """A database on the embedded server could not be made or filled."""

    code = "DATABASE_NOT_MADE"


class BackupFailed(TasklineError):
    """A database on the embedded server could not be saved into a file, or made from one."""

    code = "BACKUP_FAILED"


class AddressUnusable(TasklineError):
    """The server can't listen where it should: the address is taken, not allowed, or not this machine's."""

    code = "ADDRESS_UNUSABLE"


class WorkerNotStarted(TasklineError):
    """One of several server processes ended before it could serve; what it said stands before."""

    code = "WORKER_NOT_STARTED"
