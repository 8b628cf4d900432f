"""The copy that a rehearsal migrates: a database of its own on a server that may be thrown away, and its roles."""

from __future__ import annotations

import contextlib
import secrets
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit, urlunsplit

import asyncpg

from errors import RehearsalFailed, TasklineError
from migrations.rehearsal.dumps import without_extensions
from migrations.runner.apply import API_ROLE
from migrations.runner.sessions import session

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from migrations.rehearsal.origins import Membership, Origin, Role

_SERVER = """
SELECT split_part(current_setting('server_version'), ' ', 1) AS version,
       current_setting('server_version_num')::int / 10000 AS major,
       (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) AS is_superuser,
       ARRAY(SELECT name::text FROM pg_available_extensions) AS extensions,
       ARRAY(SELECT rolname::text FROM pg_roles) AS roles
"""
# A rehearsal that lives has a connection of the copy's name, be it to another database; a superuser sees them all.
_LEFTOVERS = """
SELECT datname::text FROM pg_database d
 WHERE datname ~ '^taskline_rehearsal_[0-9a-f]{12}$' AND (SELECT rolsuper FROM pg_roles WHERE rolname = current_user)
   AND NOT EXISTS (SELECT FROM pg_stat_activity a WHERE d.datname IN (a.application_name, a.datname))
 ORDER BY datname
"""
_KNOWN = "SELECT name FROM pg_settings WHERE context <> 'internal'"
# These would load what this server doesn't have, or are ours to say.
_NOT_TAKEN = ("session_preload_libraries", "local_preload_libraries", "role", "session_authorization")


@dataclass(frozen=True, slots=True)
class Copy:
    """The database, and how to enter it."""

    name: str
    url: str
    """As the server's superuser."""
    version: str
    major: int
    made: tuple[str, ...]
    """Roles that were made for it."""
    strangers: tuple[str, ...]
    """Roles that the server had already, and that may have other rights than in the origin."""

    def url_of(self, role: str, settings: dict[str, str]) -> str:
        """Return the address with which one acts as a role, under its settings."""
        return _with_query(self.url, {**settings, "role": role})


async def leftovers(server_url: str) -> list[str]:
    """Return the databases there that killed rehearsals left. Raises RehearsalFailed if the server can't be used."""
    async with _entered(server_url) as connection:
        return [row["datname"] for row in await connection.fetch(_LEFTOVERS)]


@asynccontextmanager
async def copy(server_url: str, origin: Origin) -> AsyncIterator[Copy]:
    """Make an empty database like the origin's, with its roles; drop both at the end, and touch nothing else there.

    Raises RehearsalFailed if the server can't hold it.
    """
    name = f"taskline_rehearsal_{secrets.token_hex(6)}"
    async with _entered(server_url) as connection:
        await connection.execute("SELECT set_config('application_name', $1, false)", name)
        server = await connection.fetchrow(_SERVER)
        _check(origin, server)
        there = set(server["roles"])
        made = [role for role in origin.roles if role.name not in there]
        names = tuple(role.name for role in made)
        known = {role.name for role in origin.roles if not role.name.startswith("pg_")}
        strangers = tuple(sorted(there & known - {"postgres"}))
        try:
            await _make_roles(connection, origin, made, server["major"])
            await _make_database(connection, name, origin)
            yield Copy(name, _with_database(server_url, name), server["version"], server["major"], names, strangers)
        finally:
            await connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
            for role in {*names, API_ROLE} - there:  # the API's role is made by 042
                with contextlib.suppress(asyncpg.DependentObjectsStillExistError):  # somebody else has begun to use it
                    await connection.execute(f"DROP ROLE IF EXISTS {quoted(role)}")


async def left_to_others(url: str) -> str:
    """Return the address of another superuser, after the first one, `postgres`, gave its name away.

    For a server of ours alone: in many a database `postgres` is a role like any other, and owns the tables.
    """
    user, password = "taskline_rehearsal", secrets.token_urlsafe(32)
    async with _entered(url) as connection:
        await connection.execute(f"CREATE ROLE {user} SUPERUSER LOGIN PASSWORD '{password}'")
    parts = urlsplit(url)
    made = urlunsplit(parts._replace(netloc=f"{user}:{password}@{parts.netloc.rpartition('@')[2]}"))
    async with _entered(made) as connection:
        await connection.execute("ALTER ROLE postgres RENAME TO taskline_rehearsal_first")
    return made


def quoted(name: str) -> str:
    """Return a name as SQL writes it."""
    return '"' + name.replace('"', '""') + '"'


async def give(connection: asyncpg.Connection, copy: Copy, owner: str) -> None:
    """Make a role the copy's owner who may make roles and act as the others, where a dump alone doesn't say who may."""
    await connection.execute(f"ALTER DATABASE {copy.name} OWNER TO {quoted(owner)}")
    if owner not in copy.made:
        return
    await connection.execute(f"ALTER ROLE {quoted(owner)} CREATEROLE")
    for name in copy.made:
        if name != owner:
            await connection.execute(f"GRANT {quoted(name)} TO {quoted(owner)}")


async def settings_of(connection: asyncpg.Connection, origin: Origin, role: str) -> dict[str, str]:
    """Return the settings that the origin gives a role when it signs in, as far as the copy's server knows them."""
    known = {row["name"] for row in await connection.fetch(_KNOWN)}
    settings = {}
    for whose, line in origin.settings:
        name, _, value = line.partition("=")
        if whose in (None, role) and name not in _NOT_TAKEN and (name in known or "." in name):
            settings[name] = value
    return settings


@asynccontextmanager
async def _entered(url: str) -> AsyncIterator[asyncpg.Connection]:
    try:
        async with session(url, lambda _: None) as connection:
            yield connection
    except RehearsalFailed:
        raise
    except TasklineError as exc:
        raise RehearsalFailed(f"The server for the copy can't be used. {exc}") from exc


def _check(origin: Origin, server: asyncpg.Record) -> None:
    if not server["is_superuser"]:
        raise RehearsalFailed(
            "The user in --server isn't a superuser, and only one can restore another database's roles and owners. "
            "Name a superuser of a server that holds nothing of worth."
        )
    if server["major"] < origin.major:
        raise RehearsalFailed(
            f"The server for the copy is PostgreSQL {server['version']}, older than the database's {origin.version}. "
            f"Name one of version {origin.major} or newer in --server."
        )
    if missing := set(origin.extensions) - set(server["extensions"]):
        raise RehearsalFailed(without_extensions(missing))


async def _make_roles(connection: asyncpg.Connection, origin: Origin, made: list[Role], major: int) -> None:
    for role in made:
        await connection.execute(f"CREATE ROLE {quoted(role.name)} {_attributes(role)}")
    new = {role.name for role in made}
    for membership in origin.memberships:
        if {membership.role, membership.member} & new:
            await connection.execute(_grant(membership, major))
    if origin.major < 16 <= major:
        await _let_makers_grant(connection, made)


def _attributes(role: Role) -> str:
    claims = {
        "SUPERUSER": role.is_superuser,
        "INHERIT": role.inherits,
        "CREATEROLE": role.makes_roles,
        "CREATEDB": role.makes_databases,
        "LOGIN": role.can_login,
        "BYPASSRLS": role.bypasses_row_security,
    }
    return " ".join(name if holds else f"NO{name}" for name, holds in claims.items())


def _grant(membership: Membership, major: int) -> str:
    words = f"GRANT {quoted(membership.role)} TO {quoted(membership.member)}"
    if major < 16:
        return words + (" WITH ADMIN OPTION" if membership.is_admin else "")
    claims = {"ADMIN": membership.is_admin, "INHERIT": membership.inherits, "SET": membership.can_become}
    return f"{words} WITH " + ", ".join(f"{name} {str(holds).upper()}" for name, holds in claims.items())


async def _let_makers_grant(connection: asyncpg.Connection, made: list[Role]) -> None:
    """Give CREATEROLE what it was before version 16: the right to grant every role but a superuser's."""
    for maker in made:
        for role in made:
            if maker.makes_roles and maker != role and not role.is_superuser:
                with contextlib.suppress(asyncpg.InvalidGrantOperationError):  # the maker belongs to it
                    await connection.execute(f"GRANT {quoted(role.name)} TO {quoted(maker.name)} WITH ADMIN TRUE")


async def _make_database(connection: asyncpg.Connection, name: str, origin: Origin) -> None:
    locale = "" if origin.encoding == "UTF8" else " LOCALE_PROVIDER libc LOCALE 'C'"
    await connection.execute(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING '{origin.encoding}'{locale}")
    if origin.owner is None:  # a dump alone doesn't say
        return
    owner = quoted(origin.owner)
    await connection.execute(f"ALTER DATABASE {name} OWNER TO {owner}")
    await connection.execute(f"REVOKE ALL ON DATABASE {name} FROM PUBLIC, {owner}")
    for grant in origin.grants:
        grantee = quoted(grant.role) if grant.role else "PUBLIC"
        await connection.execute(f"GRANT {grant.right} ON DATABASE {name} TO {grantee}")


def _with_database(url: str, name: str) -> str:
    parts = urlsplit(url)
    return urlunsplit(parts._replace(path=f"/{name}"))


def _with_query(url: str, settings: dict[str, str]) -> str:
    parts = urlsplit(url)
    added = "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in settings.items())
    return urlunsplit(parts._replace(query="&".join(filter(None, (parts.query, added)))))
