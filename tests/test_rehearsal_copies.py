"""What a rehearsal copies, from where, and what it does when that isn't possible."""

import asyncio
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from uuid import uuid4

import pytest

from db import embedded, embedded_account, embedded_binaries
from db.embedded import EmbeddedServer
from errors import MigrationRefused, RehearsalFailed
from migrations.rehearsal import copies, dumps, origins
from migrations.rehearsal import rehearsals as rehearsal
from migrations.rehearsal.origins import Origin, Role
from migrations.rehearsal.performances import Scenario
from migrations.rehearsal.programs import Programs
from migrations.rehearsal.rehearsals import Rehearsal, Source, Stage
from migrations.rehearsal.relay import TLS_REQUEST, relayed
from tests.databases import APP, OWNER, OWNER_PASSWORD, CrmDatabase, psql
from tests.deadlines import DEADLINE_S
from tests.migration_runs import FORWARD, open_transaction
from tests.rehearsals import rehearse
from tests.tls_doors import tls_door

pytestmark = pytest.mark.slow

ODD_ROLE, ODD_PASSWORD = "Bo\"b O'Neil & Söhne", "p@ss:w/o?r#d% '\"\\ü"


@pytest.fixture
def programs() -> Programs:
    return Programs(embedded_binaries.locate(None, embedded_account.ours()).folder)


@pytest.fixture
def stage(postgres: EmbeddedServer, programs: Programs, tmp_path: Path) -> Stage:
    """The server of the tests serves as the one of the copy."""
    workshop = tmp_path / "workshop"
    workshop.mkdir()
    return Stage(postgres.url(), is_ours=False, programs=programs.folder, workshop=workshop)


def played(source: Source, stage: Stage, **scenario: object) -> Rehearsal:
    wanted = Scenario(**{"quiet_s": 0.2, "api_role": APP, **scenario})  # type: ignore[arg-type]
    return asyncio.run(rehearsal.rehearse(source, wanted, stage, lambda _: nullcontext(), lambda _: None))


def failure(source: Source, stage: Stage) -> str:
    with pytest.raises(RehearsalFailed) as caught:
        played(source, stage)
    return str(caught.value)


def dump_of(database: CrmDatabase, path: Path, *arguments: str) -> Path:
    command = [str(database.server.bin_dir / "pg_dump"), "-d", database.superuser_url, "-f", str(path), *arguments]
    subprocess.run(command, check=True, capture_output=True)
    return path


# Roles.


OWN_ALL = """
DO $$
DECLARE
  thing text;
BEGIN
  EXECUTE format('ALTER DATABASE %I OWNER TO %I', current_database(), {role});
  FOR thing IN SELECT format('TABLE %s', oid::regclass) FROM pg_class WHERE relowner = {owner} AND relkind = 'r'
                UNION ALL SELECT format('VIEW %s', oid::regclass)
                            FROM pg_class WHERE relowner = {owner} AND relkind = 'v'
                UNION ALL SELECT format('FUNCTION %s', oid::regprocedure) FROM pg_proc WHERE proowner = {owner} LOOP
    EXECUTE format('ALTER %s OWNER TO %I', thing, {role});
  END LOOP;
END $$
"""


@contextmanager
def owned_by_odd_role(database: CrmDatabase) -> Iterator[str]:
    """Give a database and what is in it to a role that nobody would name so; yield its address."""
    quoted, literal = copies.quoted(ODD_ROLE), ODD_ROLE.replace("'", "''")
    password = ODD_PASSWORD.replace("'", "''")
    database.psql(f"CREATE ROLE {quoted} LOGIN CREATEROLE PASSWORD '{password}'")
    database.psql(f"ALTER ROLE {quoted} IN DATABASE {database.name} SET taskline.colour = 'a b=c, d''e'")
    # REASSIGN OWNED would take the databases of other tests, too.
    database.psql(OWN_ALL.format(role=f"'{literal}'", owner=f"'{OWNER}'::regrole"))
    try:
        yield database.server.url(database.name, ODD_ROLE, password=ODD_PASSWORD)
    finally:
        database.psql(f"REASSIGN OWNED BY {quoted} TO {OWNER}; DROP OWNED BY {quoted}; DROP ROLE {quoted}")


def test_the_copy_is_migrated_by_the_owner_whatever_its_name(legacy_database: CrmDatabase, stage: Stage) -> None:
    with owned_by_odd_role(legacy_database) as url:
        found = played(Source(url), stage)

    seen = found.performance
    assert (ODD_ROLE, APP, None) == (seen.actor, seen.application, seen.refusal)
    assert (ODD_ROLE, ODD_ROLE) == (found.origin.owner, found.origin.user_name)


def test_a_role_that_has_no_rights_yet_gets_them_while_the_old_one_works(
    legacy_database: CrmDatabase, stage: Stage
) -> None:
    newcomer = f"newcomer_{uuid4().hex[:8]}"
    legacy_database.psql(f"CREATE ROLE {newcomer} LOGIN; GRANT {newcomer} TO {OWNER}")

    found = played(Source(legacy_database.owner_url), stage, api_role=newcomer)
    legacy_database.psql(f"DROP ROLE {newcomer}")

    assert (APP, None) == (found.performance.application, found.performance.refusal)


def test_a_role_that_isnt_there_is_refused_by_the_migration(legacy_database: CrmDatabase, stage: Stage) -> None:
    found = played(Source(legacy_database.owner_url), stage, api_role="no_such_role")

    assert isinstance(found.performance.refusal, MigrationRefused)
    assert "no such role" in str(found.performance.refusal)


def test_roles_are_those_that_the_database_names(legacy_database: CrmDatabase) -> None:
    stranger = f"stranger_{uuid4().hex[:8]}"
    legacy_database.psql(f"CREATE ROLE {stranger}")

    found = asyncio.run(origins.read(legacy_database.owner_url, None, lambda _: None))
    legacy_database.psql(f"DROP ROLE {stranger}")

    owner = next(role for role in found.roles if role.name == OWNER)
    assert (True, True, False) == (owner.makes_roles, owner.makes_databases, owner.is_superuser)
    assert {OWNER, APP} <= {role.name for role in found.roles}
    assert stranger not in {role.name for role in found.roles}
    assert (OWNER, OWNER) == (found.owner, found.user_name)


def test_roles_come_without_passwords_and_go_with_the_copy(postgres: EmbeddedServer) -> None:
    names = [f"{name} {uuid4().hex[:8]}" for name in ("owner", "API", "group")]
    owner, api, group = names
    origin = Origin(
        version="15.18",
        major=15,
        name="crm",
        size_bytes=1,
        encoding="UTF8",
        owner=owner,
        user_name=owner,
        roles=(Role(owner, makes_roles=True), Role(api, bypasses_row_security=True), Role(group)),
        memberships=(origins.Membership(group, api, is_admin=False, inherits=True, can_become=True),),
        grants=(origins.Grant(api, "CONNECT"),),
    )
    attributes = f"""SELECT concat_ws(' ', rolname, rolcreaterole, rolbypassrls, rolpassword IS NULL) FROM pg_authid
                      WHERE rolname IN ('{owner}', '{api}', '{group}') ORDER BY rolname COLLATE "C" """

    async def look() -> tuple[str, str, str]:
        async with copies.copy(postgres.url(), origin) as copy:
            return (
                psql(postgres, copy.url, "-c", attributes),
                psql(postgres, copy.url, "-c", f"SELECT pg_has_role('{api}', '{group}', 'MEMBER')"),
                psql(postgres, copy.url, "-c", f"SELECT has_database_privilege('{group}', '{copy.name}', 'TEMPORARY')"),
            )

    roles, is_member, is_public = asyncio.run(look())

    assert [f"{api} f t t", f"{group} f f t", f"{owner} t f t"] == roles.splitlines()
    assert ("t", "f") == (is_member, is_public)
    assert "" == psql(postgres, postgres.url(), "-c", attributes)


def test_a_copy_that_is_worked_on_is_no_leftover(legacy_database: CrmDatabase) -> None:
    server = legacy_database.server.url()

    async def found() -> tuple[str, list[str]]:
        origin = await origins.read(legacy_database.superuser_url, None, lambda _: None)
        async with copies.copy(server, origin) as copy:
            return copy.name, await copies.leftovers(server)

    name, leftovers = asyncio.run(found())

    assert name not in leftovers


def test_a_server_of_ours_leaves_its_first_name_to_others(tmp_path: Path) -> None:
    with embedded.start(tmp_path, durable=False) as server:
        url = asyncio.run(copies.left_to_others(server.url()))

        assert "f" == psql(server, url, "-c", "SELECT to_regrole('postgres') IS NOT NULL")


# Dumps.


@pytest.mark.parametrize("kind", ["custom", "directory", "tar", "plain"])
def test_a_dump_that_is_there_is_enough(legacy_database: CrmDatabase, stage: Stage, tmp_path: Path, kind: str) -> None:
    path = dump_of(legacy_database, tmp_path / "there.dump", f"--format={kind}")

    found = played(Source(None, path), stage, through=41)

    assert (OWNER, APP, None) == (found.performance.actor, found.performance.application, found.performance.refusal)
    assert found.dump_s is None
    assert ["041"] == [act.file[:3] for act in found.performance.acts]


def test_a_plain_dump_of_a_newer_pg_dump_is_restored_on_a_server_that_lacks_its_settings(
    legacy_database: CrmDatabase, programs: Programs, stage: Stage, tmp_path: Path
) -> None:
    path = tmp_path / "there.sql"
    command = [str(programs.folder / "pg_dump"), "-d", legacy_database.superuser_url, "-f", str(path)]
    subprocess.run(command, check=True, capture_output=True)

    found = played(Source(None, path), stage, through=41)

    assert "\nSET transaction_timeout = 0;\n" in path.read_text()
    assert found.performance.refusal is None
    assert ["041"] == [act.file[:3] for act in found.performance.acts]


def test_a_dump_alone_is_migrated_by_an_owner_who_may_do_what_it_takes(
    legacy_database: CrmDatabase, tmp_path: Path
) -> None:
    path = dump_of(legacy_database, tmp_path / "there.dump", "--format=custom")

    done = rehearse(tmp_path, "--json", "--dump", str(path))

    assert 0 == done.code, done.errors
    assert (OWNER, APP) == (done.document["migrated_as"], done.document["worked_on_as"])
    assert len(FORWARD) == len(done.document["migrations"])
    assert not any("not proven" in line for line in done.document["said"])


def test_with_a_dump_the_database_still_tells_the_roles(
    legacy_database: CrmDatabase, stage: Stage, tmp_path: Path
) -> None:
    path = dump_of(legacy_database, tmp_path / "there.dump", "--format=custom")

    found = played(Source(legacy_database.owner_url, path), stage)

    assert legacy_database.name == found.origin.name
    assert None is found.performance.refusal


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "No such file"),
        ("", "too short"),
        ("garbage\n" * 1_000, "does not appear to be a valid"),
        ("--\n-- PostgreSQL database dump\n--\n\n\\connect crm\n", "databases of its own"),
        ("--\n-- PostgreSQL database cluster dump\n--\n\nCREATE DATABASE crm;\n", "databases of its own"),
        ("--\n-- PostgreSQL database dump\n--\n\nSELECT 1/0;\n", "division by zero"),
        ('--\n-- PostgreSQL database dump\n--\n\nCREATE EXTENSION "uuid-ossp2";\n', "doesn't have: uuid-ossp2"),
        ("--\n-- PostgreSQL database dump\n--\n\nSELECT 1;\n", "no table lead_interactions"),
    ],
    ids=lambda value: value if value and "\n" not in value else None,
)
def test_a_dump_that_is_none_is_refused(stage: Stage, tmp_path: Path, content: str | None, words: str) -> None:
    path = tmp_path / "there.dump"
    if content is not None:
        path.write_text(content)

    assert words in failure(Source(None, path), stage)


def test_roles_are_read_from_the_words_of_a_dump() -> None:
    lines = [
        'ALTER TABLE public.a OWNER TO "Crm ""Owner""";',
        "GRANT SELECT,INSERT ON TABLE public.a TO reader;",
        "GRANT ALL ON SCHEMA public TO PUBLIC;",
        "REVOKE ALL ON FUNCTION f() FROM old_reader;",
        "ALTER DEFAULT PRIVILEGES FOR ROLE maker IN SCHEMA public GRANT ALL ON TABLES TO pg_monitor;",
        "CREATE POLICY p ON public.a FOR SELECT TO one, two USING ((x = 1));",
        "COMMENT ON TABLE public.a IS 'GRANT x TO nobody;';",
    ]

    assert {'Crm "Owner"', "reader", "old_reader", "maker", "one", "two"} == dumps.roles_in(lines)


# What can't be copied.


def test_a_user_who_may_not_read_everything_is_told_what_to_do(legacy_database: CrmDatabase, stage: Stage) -> None:
    message = failure(Source(legacy_database.app_url), stage)

    assert "row-level security" in message
    assert "--dump FILE" in message


def test_a_table_locked_for_long_is_told(
    legacy_database: CrmDatabase, stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dumps, "LOCK_WAIT_MS", 100)

    with open_transaction(legacy_database, "LOCK TABLE lead_interactions IN ACCESS EXCLUSIVE MODE"):
        message = failure(Source(legacy_database.owner_url), stage)

    assert "kept a table locked for 0.1 s" in message
    assert "--dump FILE" in message


def test_too_little_room_is_told_before_anything_is_copied(
    legacy_database: CrmDatabase, stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rehearsal, "ROOM", 1e9)
    ours = Stage(stage.server_url, is_ours=True, programs=stage.programs, workshop=stage.workshop)

    message = failure(Source(legacy_database.owner_url), ours)

    assert "TMPDIR" in message
    assert [] == list(stage.workshop.iterdir())


def test_an_extension_that_is_there_is_copied(legacy_database: CrmDatabase, stage: Stage) -> None:
    legacy_database.psql("CREATE EXTENSION citext; ALTER TABLE contacts ALTER email TYPE citext")

    assert played(Source(legacy_database.owner_url), stage).performance.refusal is None


def origin_like(major: int = 15, extensions: tuple[str, ...] = ()) -> Origin:
    return Origin(f"{major}.0", major, "crm", 1, "UTF8", None, None, (), extensions)


@pytest.mark.parametrize(
    ("origin", "words"),
    [
        (origin_like(extensions=("plpgsql", "uuid-ossp2", "postgis2")), "doesn't have: postgis2, uuid-ossp2"),
        (origin_like(major=99), "older than the database's 99.0"),
    ],
    ids=["extension", "version"],
)
def test_a_server_that_cant_hold_the_copy_is_refused(postgres: EmbeddedServer, origin: Origin, words: str) -> None:
    async def enter() -> None:
        async with copies.copy(postgres.url(), origin):
            pass

    with pytest.raises(RehearsalFailed) as caught:
        asyncio.run(enter())

    assert words in str(caught.value)


def test_a_server_needs_a_superuser(legacy_database: CrmDatabase, stage: Stage) -> None:
    lesser = Stage(legacy_database.owner_url, is_ours=False, programs=stage.programs, workshop=stage.workshop)

    assert "isn't a superuser" in failure(Source(legacy_database.owner_url), lesser)


@pytest.mark.parametrize("kind", ["custom", "plain"])
def test_sign_ins_elsewhere_are_not_copied(
    legacy_database: CrmDatabase, programs: Programs, tmp_path: Path, kind: str
) -> None:
    legacy_database.psql(
        "CREATE EXTENSION postgres_fdw; CREATE SERVER elsewhere FOREIGN DATA WRAPPER postgres_fdw; "
        "CREATE USER MAPPING FOR PUBLIC SERVER elsewhere OPTIONS (user 'u', password 'p')"
    )
    path = dump_of(legacy_database, tmp_path / "there.dump", f"--format={kind}")

    async def sign_ins() -> str:
        origin = await origins.read(legacy_database.superuser_url, None, lambda _: None)
        async with copies.copy(legacy_database.server.url(), origin) as copy, relayed(copy.url) as to:
            await dumps.restore(programs, await dumps.opened(programs, path), to, tmp_path, major=copy.major)
            asked = "SELECT count(*) FROM pg_foreign_server UNION ALL SELECT count(*) FROM pg_user_mapping"
            return psql(legacy_database.server, copy.url, "-c", asked)

    assert "1\n0" == asyncio.run(sign_ins())


def test_a_copy_that_could_still_sign_in_elsewhere_is_not_worked_on(
    legacy_database: CrmDatabase, stage: Stage, tmp_path: Path
) -> None:
    legacy_database.psql(
        """CREATE EXTENSION postgres_fdw; CREATE SERVER elsewhere FOREIGN DATA WRAPPER postgres_fdw;
           CREATE USER MAPPING FOR PUBLIC SERVER elsewhere;
           CREATE FUNCTION refuse() RETURNS event_trigger LANGUAGE plpgsql AS $$
           BEGIN RAISE EXCEPTION 'sign-ins stay'; END $$;
           CREATE EVENT TRIGGER refuse ON ddl_command_start WHEN TAG IN ('DROP USER MAPPING')
             EXECUTE FUNCTION refuse()"""
    )
    path = dump_of(legacy_database, tmp_path / "there.dump", "--format=plain")

    message = failure(Source(None, path), stage)

    assert "could still sign in at foreign servers, and write there: sign-ins stay." in message


# The way there.


async def carried_without_tls(sslmode: str) -> bytes:
    """Return what comes through to a server that has no TLS and says so."""
    came, is_done = bytearray(), asyncio.Event()

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        came.extend(await reader.readexactly(len(TLS_REQUEST)))
        writer.write(b"N")
        came.extend(await reader.read())
        writer.close()
        is_done.set()

    async with await asyncio.start_server(refuse, "127.0.0.1", 0) as server:
        url = f"postgresql://u:p@127.0.0.1:{server.sockets[0].getsockname()[1]}/crm?sslmode={sslmode}"
        async with relayed(url) as to:
            reader, writer = await asyncio.open_unix_connection(f"{to['PGHOST']}/.s.PGSQL.{to['PGPORT']}")
            writer.write(b"secret")
            writer.write_eof()
            await reader.read()
            writer.close()
            await asyncio.wait_for(is_done.wait(), DEADLINE_S)
    return bytes(came)


@pytest.mark.parametrize(("sslmode", "words"), [("require", b""), ("prefer", b"secret")])
def test_nothing_goes_without_tls_where_the_address_asks_for_it(sslmode: str, words: bytes) -> None:
    assert TLS_REQUEST + words == asyncio.run(carried_without_tls(sslmode))


def test_a_server_that_speaks_tls_alone_is_dumped(legacy_database: CrmDatabase, stage: Stage, tmp_path: Path) -> None:
    socket = legacy_database.server.socket_dir / ".s.PGSQL.5432"
    with tls_door(socket, tmp_path) as door:
        password = OWNER_PASSWORD.replace("'", "%27").replace(" ", "%20")
        url = f"postgresql://{OWNER}:{password}@localhost:{door.port}/{legacy_database.name}"
        verified = f"{url}?sslmode=verify-full&sslrootcert={door.certificate}"

        found = played(Source(verified), stage)

        assert found.performance.refusal is None
        assert door.carried > 1
