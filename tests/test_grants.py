"""What the API's role may do in the database: what the docs list, and nothing else."""

import asyncio
from collections.abc import Iterator
from uuid import uuid4

import asyncpg
import pytest

from db.tables import METADATA
from tests.databases import OWNER, CrmDatabase, copy
from tests.migration_runs import by_runner
from tests.papers import ROOT, section, table

DOCS = (ROOT / "docs" / "security.md").read_text()
# By whatever way: of its own, of all, or of a column alone.
RIGHTS = """SELECT c.relname, string_agg(p, ', ' ORDER BY p)
  FROM pg_class c, unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER']) p
 WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND c.relnamespace = 'public'::regnamespace
   AND CASE WHEN p IN ('SELECT', 'INSERT', 'UPDATE', 'REFERENCES') THEN has_any_column_privilege('{role}', c.oid, p)
            ELSE has_table_privilege('{role}', c.oid, p) END
 GROUP BY 1"""
FORBIDDEN = [
    "DELETE FROM lead_interactions",
    "TRUNCATE lead_interactions",
    "INSERT INTO taskline_events (type) VALUES ('created')",
    "DELETE FROM taskline_events",
    "UPDATE contacts SET notes = ''",
    "UPDATE accounts SET account_name = ''",
    "UPDATE users SET role = 'admin'",
    "UPDATE organizations SET name = ''",
    "DELETE FROM leads",
    "CREATE TABLE mine (id int)",
    "CREATE SCHEMA mine",
    "CREATE FUNCTION public.mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "ALTER TABLE lead_interactions DISABLE TRIGGER ALL",
    "ALTER TABLE lead_interactions DISABLE ROW LEVEL SECURITY",
    "ALTER TABLE lead_interactions OWNER TO CURRENT_USER",
    "DROP TABLE lead_interactions",
    "DROP POLICY IF EXISTS tenant ON lead_interactions; ALTER TABLE lead_interactions ADD COLUMN mine int",
    "SET session_replication_role = replica",
    f"SET ROLE {OWNER}",
    "CREATE ROLE mine",
    "SELECT pg_read_file('PG_VERSION')",
    "COPY (SELECT 1) TO PROGRAM 'true'",
    "SELECT * FROM pg_authid",
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'postgres' AND pid <> pg_backend_pid()",
    "SET row_security = off; SELECT count(*) FROM lead_interactions",
]


@pytest.fixture(scope="module")
def least(legacy_template: CrmDatabase) -> Iterator[tuple[CrmDatabase, str]]:
    """A migrated CRM, and the address of a role that has only what the migrations gave it."""
    role = f"api_{uuid4().hex[:12]}"
    with copy(legacy_template) as crm:
        crm.psql(f"CREATE ROLE {role} LOGIN PASSWORD 'x'; GRANT {role} TO {OWNER}")
        try:
            by_runner(crm, api_role=role)
            yield crm, role
        finally:
            crm.psql(f"DROP OWNED BY {role} CASCADE; DROP ROLE {role}")


def run(database: CrmDatabase, role: str, sql: str) -> object:
    async def in_a_connection() -> object:
        connection = await asyncpg.connect(database.server.url(database.name, role, password="x"))
        try:
            return await connection.fetchval(sql) if sql.startswith("SELECT count") else await connection.execute(sql)
        finally:
            await connection.close()

    return asyncio.run(in_a_connection())


def test_the_docs_list_every_right(least: tuple[CrmDatabase, str]) -> None:
    crm, role = least

    listed = {name.strip("`"): rights for name, rights in table(section(DOCS, "What the API's role may do"))}

    assert listed == dict(line.split("|") for line in crm.psql(RIGHTS.format(role=role)).splitlines())


@pytest.mark.parametrize("sql", FORBIDDEN, ids=range(len(FORBIDDEN)))
def test_it_can_do_nothing_else(least: tuple[CrmDatabase, str], sql: str) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        run(*least, f"SET app.current_organization_id = '{uuid4()}'; {sql}")


@pytest.mark.parametrize("name", ["lead_interactions", "leads", "contacts", "accounts", "users", "taskline_events"])
def test_without_an_organization_it_sees_nothing(least: tuple[CrmDatabase, str], name: str) -> None:
    assert int(least[0].psql(f"SELECT count(*) FROM {name}"))

    assert seen_of(*least, name) in {0, "refused"}


def seen_of(database: CrmDatabase, role: str, name: str) -> object:
    try:
        return run(database, role, f"SELECT count(*) FROM {name}")
    except asyncpg.UndefinedObjectError:  # the CRM's own policies insist on the setting
        return "refused"


def test_no_statement_can_name_a_secret_column() -> None:
    columns = {column.name for table in METADATA.tables.values() for column in table.columns}

    assert not [name for name in columns if any(word in name for word in ("password", "license", "api_key", "secret"))]
