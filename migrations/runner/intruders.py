"""Objects of others that could act in place of the server's own, with the rights of whoever migrates."""

from __future__ import annotations

from typing import TYPE_CHECKING

from errors import MigrationRefused

if TYPE_CHECKING:
    import asyncpg

# A function or operator of a name that pg_catalog has, too, in a schema of the search path: with arguments that fit
# better it is called instead. Not those of the owner of the tables, of a superuser, of an extension, or our own. Here
# every name says its schema, for this is asked before anything else, and nothing in it may be one of those.
_FOUND = """
WITH server AS (
  SELECT oid FROM pg_catalog.pg_namespace WHERE nspname OPERATOR(pg_catalog.=) 'pg_catalog'::pg_catalog.name
)
SELECT coalesce(pg_catalog.string_agg(pg_catalog.concat(o.object, ' of ', r.rolname), ', '), '')
  FROM (SELECT 'pg_catalog.pg_proc'::pg_catalog.regclass::pg_catalog.oid AS class, p.oid, p.proowner AS owner,
               n.nspname AS schema,
               pg_catalog.concat(n.nspname, '.', p.proname, '(', pg_catalog.oidvectortypes(p.proargtypes), ')')
                 AS object
          FROM pg_catalog.pg_proc p
          JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) p.pronamespace
         WHERE EXISTS (SELECT FROM pg_catalog.pg_proc own
                         JOIN server ON server.oid OPERATOR(pg_catalog.=) own.pronamespace
                        WHERE own.proname OPERATOR(pg_catalog.=) p.proname)
         UNION ALL
        SELECT 'pg_catalog.pg_operator'::pg_catalog.regclass::pg_catalog.oid, p.oid, p.oprowner, n.nspname,
               pg_catalog.concat(n.nspname, '.', p.oprname, '(', pg_catalog.format_type(p.oprleft, NULL), ', ',
                                 pg_catalog.format_type(p.oprright, NULL), ')')
          FROM pg_catalog.pg_operator p
          JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) p.oprnamespace
         WHERE EXISTS (SELECT FROM pg_catalog.pg_operator own
                         JOIN server ON server.oid OPERATOR(pg_catalog.=) own.oprnamespace
                        WHERE own.oprname OPERATOR(pg_catalog.=) p.oprname)) AS o
  JOIN pg_catalog.pg_roles r ON r.oid OPERATOR(pg_catalog.=) o.owner
 WHERE NOT r.rolsuper AND r.rolname OPERATOR(pg_catalog.<>) current_user
   AND o.schema OPERATOR(pg_catalog.<>) 'pg_catalog'::pg_catalog.name
   AND o.schema OPERATOR(pg_catalog.=) ANY (pg_catalog.current_schemas(false))
   AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d
                    WHERE d.classid OPERATOR(pg_catalog.=) o.class AND d.objid OPERATOR(pg_catalog.=) o.oid
                      AND d.deptype OPERATOR(pg_catalog.=) 'e'::pg_catalog."char")
   AND NOT EXISTS (SELECT FROM pg_catalog.pg_class c
                     JOIN pg_catalog.pg_namespace home ON home.oid OPERATOR(pg_catalog.=) c.relnamespace
                    WHERE c.relname OPERATOR(pg_catalog.=) 'lead_interactions'::pg_catalog.name
                      AND home.nspname OPERATOR(pg_catalog.=) ANY (pg_catalog.current_schemas(false))
                      AND c.relowner OPERATOR(pg_catalog.=) o.owner)
"""


async def refuse_intruders(connection: asyncpg.Connection, where: str) -> None:
    """Raise MigrationRefused with each of them. To be called before any other statement; a pooler is no matter."""
    received = bytearray()

    async def keep(chunk: bytes) -> None:
        received.extend(chunk)

    # COPY is one message: a prepared statement could be looked for in another process than it was made in.
    await connection.copy_from_query(_FOUND, output=keep)
    if found := received.decode().rstrip("\n"):
        raise MigrationRefused(
            f"{where} has objects of others that could act in place of the server's own: {found}. They would act with "
            "the rights of whoever runs this. Nothing was changed. Drop them, or let the owner of the tables own them; "
            "REVOKE CREATE ON SCHEMA … FROM PUBLIC keeps new ones out."
        )
