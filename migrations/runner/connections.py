"""How a connection is opened, and what is said when that isn't possible: never a secret, and what to do next."""

from __future__ import annotations

import os
import socket
import ssl
from urllib.parse import parse_qs, unquote, urlsplit

import asyncpg

from errors import (
    MigrationServerUnreachable,
    MigrationSignInRefused,
    MigrationTargetUnknown,
    TasklineError,
)

CONNECT_TIMEOUT_S = 15
APPLICATION_NAME = "taskline migrate"

# What a statement can raise when the server, the database or the connection went away under it.
LOST = (
    asyncpg.PostgresConnectionError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.CannotConnectNowError,
    asyncpg.DatabaseDroppedError,
    asyncpg.IdleSessionTimeoutError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # when the server's last word came between two statements
    ConnectionResetError,
    TimeoutError,
)


# What is said to whoever wants to sign in: (its class, a part of its words, our error, our words), the first that fits.
# Those of the class ProtocolViolationError are PgBouncer's, which has one SQLSTATE for all.
_POOLER = asyncpg.ProtocolViolationError
_BUSY = (
    "The pooler at {where} has no connection left: {said}. Try again later, or give the address of the server itself."
)
_UNKNOWN_DATABASE = "{where}: {said}. Check the database's name in the address."
_SETTING = "{where} doesn't take a setting: {said}. Correct it in the address, or take it out."
_UNKNOWN_USER = "{where} refuses the user or password: {said}. Check both in the address."
_ANSWERS: tuple[tuple[type[asyncpg.PostgresError], str, type[TasklineError], str], ...] = (
    (
        asyncpg.InvalidAuthorizationSpecificationError,
        "no encryption",
        MigrationSignInRefused,
        "{where}: {said}. Add sslmode=require to the address, or have the server's pg_hba.conf allow it.",
    ),
    (asyncpg.InvalidAuthorizationSpecificationError, "", MigrationSignInRefused, _UNKNOWN_USER),
    (asyncpg.InvalidCatalogNameError, "", MigrationSignInRefused, _UNKNOWN_DATABASE),
    (
        asyncpg.InsufficientPrivilegeError,
        "",
        MigrationSignInRefused,
        "{where}: {said}. The database's owner can allow it: GRANT CONNECT ON DATABASE.",
    ),
    (asyncpg.SyntaxOrAccessError, "", MigrationTargetUnknown, _SETTING),
    (asyncpg.DataError, "", MigrationTargetUnknown, _SETTING),
    (
        asyncpg.TooManyConnectionsError,
        "",
        MigrationServerUnreachable,
        "{where} has no connection left: {said}. Try again later.",
    ),
    (
        _POOLER,
        "unsupported startup parameter",
        MigrationTargetUnknown,
        "{where} is a pooler and takes no setting: {said}. Take it out of the address, or give that of the server.",
    ),
    (_POOLER, "no more connections", MigrationServerUnreachable, _BUSY),
    (_POOLER, "authentication failed", MigrationSignInRefused, _UNKNOWN_USER),
    (_POOLER, "auth failed", MigrationSignInRefused, _UNKNOWN_USER),
    (_POOLER, "no such user", MigrationSignInRefused, _UNKNOWN_USER),
    (_POOLER, "does not exist", MigrationSignInRefused, _UNKNOWN_DATABASE),
    (_POOLER, "no such database", MigrationSignInRefused, _UNKNOWN_DATABASE),
)


async def connect(url: str, *, timeout_s: float = CONNECT_TIMEOUT_S) -> asyncpg.Connection:
    """Return a connection that others can recognize by its application name.

    Raises MigrationTargetUnknown, MigrationServerUnreachable or MigrationSignInRefused.
    """
    settings = {"application_name": APPLICATION_NAME}
    try:
        # No cache: a statement may change what the next one means.
        made = await asyncpg.connect(url, timeout=timeout_s, statement_cache_size=0, server_settings=settings)
    except asyncpg.PostgresError as exc:
        raise _by_the_server(exc, place(url)) from None
    except OSError as exc:
        raise _on_the_way(exc, url, timeout_s) from None
    except (asyncpg.ClientConfigurationError, asyncpg.InterfaceError, ValueError) as exc:
        raise _in_the_address(exc) from None
    except (asyncpg.InternalClientError, EOFError, IndexError):  # bytes that the driver can't make sense of
        raise _no_postgresql(place(url)) from None
    _keep_alive(made)
    return made


def _keep_alive(connection: asyncpg.Connection) -> None:
    """Have the system find out within a minute that the other end is gone, also while we wait for a long statement.

    The driver has no option for it, and would wait for ever where a cable was pulled or a firewall forgot us.
    """
    # Private, and the only way to the driver's socket. The tests notice if a later version has it elsewhere.
    wire = connection._transport.get_extra_info("socket")
    if wire.family not in {socket.AF_INET, socket.AF_INET6}:
        return
    wire.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in (("TCP_KEEPIDLE", 30), ("TCP_KEEPINTVL", 10), ("TCP_KEEPCNT", 3), ("TCP_USER_TIMEOUT", 60_000)):
        if hasattr(socket, name):  # not all of them everywhere
            wire.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


def place(url: str) -> str:
    """Return server and database of an address, without user and password."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or "the local socket"
        return (
            f"{host}{f':{parts.port}' if parts.port else ''}, database {_name(parts.path.lstrip('/')) or '(default)'}"
        )
    except ValueError:
        return "the address given"


def _name(escaped: str) -> str:
    """Return the name of a database as it is, unless that would break a line."""
    name = unquote(escaped)
    return name if name.isprintable() else escaped


def words_of(exc: asyncpg.PostgresError) -> str:
    """Return the server's message, its detail and its hint, each on a line, without the labels that the driver adds."""
    return "\n".join(str(text) for text in (exc.args[0], exc.detail, exc.hint) if text)


def _by_the_server(exc: asyncpg.PostgresError, where: str) -> TasklineError:
    """Translate what a server, or a pooler before it, said to whoever wanted to sign in."""
    said = str(exc.args[0])
    for kind, part, error, words in _ANSWERS:
        if isinstance(exc, kind) and part in said:
            return error(words.format(where=where, said=said))
    return MigrationServerUnreachable(f"{where} takes no connection: {said}. Try again later.")


def _on_the_way(exc: OSError, url: str, timeout_s: float) -> TasklineError:
    """Translate what the operating system said, or TLS."""
    where = place(url)
    if isinstance(exc, ssl.SSLError):
        why = getattr(exc, "verify_message", "") or exc.reason or "the handshake failed"
        return MigrationServerUnreachable(
            f"No TLS with {where}: {why}. Check sslmode and sslrootcert in the address, and the server's certificate."
        )
    if "SSL" in str(exc):  # the driver's own, for any first answer but yes
        asked = parse_qs(urlsplit(url).query).get("sslmode", ["prefer"])[-1]
        if asked == "prefer":
            return _no_postgresql(where)
        return MigrationServerUnreachable(
            f"{where} offers no TLS, but the address asks for it (sslmode={asked}). Switch it on at the server, or "
            "take sslmode out of the address if the way there is safe."
        )
    if isinstance(exc, socket.gaierror):
        return MigrationServerUnreachable(f"Can't reach {where}: no such host is known. Check the host's name.")
    if isinstance(exc, TimeoutError):
        why = f"no answer within {timeout_s:g} s"
    elif exc.errno is None:
        why = "the connection was closed at once"
    else:
        why = os.strerror(exc.errno).lower()
    return MigrationServerUnreachable(
        f"Can't reach {where}: {why}. Check host and port, and that the server runs and can be reached from here."
    )


def _no_postgresql(where: str) -> TasklineError:
    return MigrationServerUnreachable(f"What answers at {where} isn't PostgreSQL. Check host and port.")


def _in_the_address(exc: Exception) -> TasklineError:
    said = str(exc).partition("\n")[0]
    if said.startswith(("root certificate", "`sslmode`")):  # neither quotes anything else of the address
        return MigrationTargetUnknown(f"The address can't be used: {said}. Correct sslmode or sslrootcert in it.")
    return MigrationTargetUnknown(
        "The address isn't one that can be read. It looks like postgresql://user:password@host:5432/database."
    )
