"""What the driver raises, as failures of our own: its words name roles and values, and are for the log alone."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import asyncpg

from errors import (
    ConnectionLost,
    ConstraintViolated,
    DatabaseFull,
    DatabaseReadOnly,
    DatabaseRefused,
    DatabaseSilent,
    SettingsInvalid,
    TimedOut,
    Unavailable,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

UNREACHABLE = "The database can't be reached right now. Try again in a few seconds."
LOST_CONNECTION = (
    OSError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.TransactionTimeoutError,
    asyncpg.InterfaceError,
    # What asyncpg says between the server's last word on an idle connection and its end: statements of ours never meet.
    asyncpg.InternalClientError,
)
NO_CONNECTION = (
    *LOST_CONNECTION,
    asyncpg.TooManyConnectionsError,
    asyncpg.ObjectNotInPrerequisiteStateError,  # ALLOW_CONNECTIONS false, as during a maintenance
)
REFUSED = (asyncpg.InvalidAuthorizationSpecificationError, asyncpg.InvalidCatalogNameError)


@contextmanager
def while_connecting() -> Iterator[None]:
    """Translate failures to connect. Raises SettingsInvalid, DatabaseRefused or Unavailable."""
    try:
        yield
    except (ValueError, OverflowError) as exc:  # asyncpg.ClientConfigurationError is a ValueError; a port can overflow
        # Without the driver's words: they can hold a part of the password.
        raise SettingsInvalid(
            "DATABASE_URL can't be read. Write it as postgresql://user:password@host:5432/database, "
            "with %XX for special characters in the password."
        ) from exc
    except TimeoutError as exc:
        raise Unavailable(
            "All database connections are busy, or the database doesn't answer. Try again in a few seconds."
        ) from exc
    except REFUSED as exc:
        raise DatabaseRefused(
            "The database server answers, but refuses the role, its password or the database's name. "
            "Check them in DATABASE_URL."
        ) from exc
    except asyncpg.ProtocolViolationError as exc:  # a pooler's word for all that it refuses
        if "unsupported startup parameter" not in str(exc):
            raise Unavailable(UNREACHABLE) from exc
        raise SettingsInvalid(
            "DATABASE_URL leads to a pooler that takes no settings of ours. If it lends connections for a transaction, "
            "set TASKLINE_IS_POOLED=true, and LISTEN_DATABASE_URL to the address of the server itself."
        ) from exc
    except NO_CONNECTION as exc:
        raise Unavailable(UNREACHABLE) from exc


@contextmanager
def while_running() -> Iterator[None]:
    """Translate failures of a statement. Raises TimedOut, ConstraintViolated, or a kind of Unavailable.

    Of these, ConnectionLost and DatabaseSilent say that the connection is of no use any more.
    """
    try:
        yield
    except (asyncpg.LockNotAvailableError, asyncpg.TransactionRollbackError) as exc:  # the latter: lost a deadlock
        raise TimedOut("Somebody else is changing the same row. Try again.") from exc
    except asyncpg.QueryCanceledError as exc:
        raise TimedOut("The answer took too long and was stopped. Ask for less, or try again.") from exc
    except asyncpg.IntegrityConstraintViolationError as exc:
        raise ConstraintViolated(exc.constraint_name) from exc
    except TimeoutError as exc:  # of a call that was given so much time
        raise DatabaseSilent(UNREACHABLE) from exc
    except asyncpg.ReadOnlySQLTransactionError as exc:
        raise DatabaseReadOnly("The database takes no changes right now. Try again in a few seconds.") from exc
    except asyncpg.ObjectNotInPrerequisiteStateError as exc:  # a trigger's word: this organization has moved away
        raise Unavailable("The database doesn't take this change right now. Try again in a few seconds.") from exc
    except asyncpg.InsufficientResourcesError as exc:  # its disk is full, or its memory
        failure = DatabaseFull if isinstance(exc, asyncpg.DiskFullError) else Unavailable
        raise failure("The database has no room for this right now. Try again in a few minutes.") from exc
    except LOST_CONNECTION as exc:
        raise ConnectionLost(UNREACHABLE) from exc
