"""What a rehearsal must know of the database that it copies, beyond what a dump of it holds. Only reads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from migrations.runner.sessions import session

if TYPE_CHECKING:
    import asyncpg

    from migrations.runner.sessions import Say

_DATABASE = """
SELECT split_part(current_setting('server_version'), ' ', 1) AS version,
       current_setting('server_version_num')::int / 10000 AS major,
       current_database() AS name, pg_database_size(oid) AS size_bytes, pg_encoding_to_char(encoding) AS encoding,
       pg_get_userbyid(datdba) AS owner, current_user AS user_name,
       ARRAY(SELECT extname::text FROM pg_extension ORDER BY 1) AS extensions
  FROM pg_database WHERE datname = current_database()
"""

# Whoever owns something in this database, is granted something, or stands in a policy; the one who asks; and everybody
# whom a membership connects with them, in either direction. The server's own roles exist wherever there is a server.
_ROLES = """
WITH RECURSIVE related(oid) AS (
  SELECT d.refobjid
    FROM pg_shdepend d JOIN pg_database b ON b.datname = current_database()
   WHERE d.refclassid = 'pg_authid'::regclass
     AND (d.dbid = b.oid OR d.dbid = 0 AND d.classid = 'pg_database'::regclass AND d.objid = b.oid)
   UNION SELECT datdba FROM pg_database WHERE datname = current_database()
   UNION SELECT oid FROM pg_roles WHERE rolname IN (current_user, session_user, $1) OR oid = 10
   UNION
  SELECT CASE m.roleid WHEN r.oid THEN m.member ELSE m.roleid END
    FROM related r
    JOIN pg_roles known ON known.oid = r.oid AND known.rolname !~ '^pg_'
    JOIN pg_auth_members m ON r.oid IN (m.roleid, m.member)
)
SELECT r.oid, r.rolname AS name, r.rolsuper AS is_superuser, r.rolinherit AS inherits, r.rolcreaterole AS makes_roles,
       r.rolcreatedb AS makes_databases, r.rolcanlogin AS can_login, r.rolbypassrls AS bypasses_row_security
  FROM related JOIN pg_roles r USING (oid) ORDER BY r.rolname
"""
# The last two came with version 16; before, a member could always become the role.
_MEMBERSHIPS = """
SELECT pg_get_userbyid(m.roleid) AS role, pg_get_userbyid(m.member) AS member, m.admin_option AS is_admin,
       coalesce((to_jsonb(m)->>'inherit_option')::boolean, r.rolinherit) AS inherits,
       coalesce((to_jsonb(m)->>'set_option')::boolean, true) AS can_become
  FROM pg_auth_members m JOIN pg_roles r ON r.oid = m.member
 WHERE m.member = ANY ($1) AND m.roleid <> m.member
"""
_GRANTS = """
SELECT CASE a.grantee WHEN 0 THEN NULL ELSE pg_get_userbyid(a.grantee) END AS role, a.privilege_type AS right
  FROM pg_database d, aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) a WHERE d.datname = current_database()
"""
# What holds for everybody, for a role, and for a role here; the last one wins.
_SETTINGS = """
SELECT CASE s.setrole WHEN 0 THEN NULL ELSE pg_get_userbyid(s.setrole) END AS role, line
  FROM pg_db_role_setting s LEFT JOIN pg_database d ON d.oid = s.setdatabase CROSS JOIN unnest(s.setconfig) AS line
 WHERE s.setdatabase = 0 OR d.datname = current_database()
 ORDER BY s.setrole <> 0, s.setdatabase <> 0
"""
# The role whose eyes the migrations' proofs use, found as they find it; else the owner of the table.
_APPLICATION = """
SELECT coalesce(
  (SELECT r.rolname
     FROM pg_roles r
    WHERE NOT r.rolsuper AND NOT r.rolbypassrls AND r.rolname !~ '^pg_' AND NOT pg_has_role(r.oid, c.relowner, 'MEMBER')
      AND has_table_privilege(r.oid, c.oid, 'SELECT') AND has_table_privilege(r.oid, c.oid, 'INSERT')
      AND has_table_privilege(r.oid, c.oid, 'UPDATE')
    ORDER BY r.rolname <> $1, NOT r.rolcanlogin, r.rolname LIMIT 1), pg_get_userbyid(c.relowner))
  FROM pg_class c WHERE c.oid = to_regclass('lead_interactions')
"""


@dataclass(frozen=True, slots=True)
class Role:
    """A role, without its password."""

    name: str
    is_superuser: bool = False
    inherits: bool = True
    makes_roles: bool = False
    makes_databases: bool = False
    can_login: bool = True
    bypasses_row_security: bool = False


@dataclass(frozen=True, slots=True)
class Membership:
    """Who belongs to a role, and what that allows."""

    role: str
    member: str
    is_admin: bool
    inherits: bool
    can_become: bool


@dataclass(frozen=True, slots=True)
class Grant:
    """A right on the database itself; None stands for everybody."""

    role: str | None
    right: str


@dataclass(frozen=True, slots=True)
class Origin:
    """The database that is copied."""

    version: str
    major: int
    name: str
    size_bytes: int
    encoding: str
    owner: str | None
    user_name: str | None
    """Who migrates it. Both are None if only a dump is known: then it is the owner of lead_interactions."""
    roles: tuple[Role, ...]
    extensions: tuple[str, ...] = ()
    memberships: tuple[Membership, ...] = ()
    grants: tuple[Grant, ...] = ()
    settings: tuple[tuple[str | None, str], ...] = ()
    """Role, or None for everybody, and `name=value`; the last one wins."""


async def read(url: str, api_role: str | None, say: Say) -> Origin:
    """Return what is to be known, in a read-only transaction. Raises as `apply.up` does when it can't connect.

    A pooler that shares server processes is refused: pg_dump would leave its settings to others there.
    """
    async with session(url, say) as connection, connection.transaction(isolation="repeatable_read", readonly=True):
        found = dict(await connection.fetchrow(_DATABASE))
        roles = await connection.fetch(_ROLES, api_role)
        memberships = await connection.fetch(_MEMBERSHIPS, [role["oid"] for role in roles])
        return Origin(
            **{**found, "extensions": tuple(found["extensions"])},
            roles=tuple(_role(row) for row in roles),
            memberships=tuple(Membership(**dict(row)) for row in memberships),
            grants=tuple(Grant(**dict(row)) for row in await connection.fetch(_GRANTS)),
            settings=tuple((row["role"], row["line"]) for row in await connection.fetch(_SETTINGS)),
        )


async def application_role(connection: asyncpg.Connection, api_role: str) -> str | None:
    """Return the role to send the application's statements as; None without a table lead_interactions.

    It is `api_role` if that one may use the table already; it may get its rights from the migration.
    """
    name: str | None = await connection.fetchval(_APPLICATION, api_role)
    return name


def _role(row: asyncpg.Record) -> Role:
    return Role(**{name: value for name, value in dict(row).items() if name != "oid"})
