"""`./taskline demo`: the whole product on an invented CRM, on a server of its own."""

from __future__ import annotations

import asyncio
import shlex
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click
from pydantic import SecretStr

from commands import own_databases, serving
from commands.demo_state import DemoState
from commands.progress import step
from db import embedded
from db.embedded_crm import EmbeddedCrm
from migrations.runner import apply
from resolvers.viewers import Role
from server.sign_in import DEMO_TOKEN_LIFETIME, issue
from settings import Settings

if TYPE_CHECKING:
    from db.embedded import EmbeddedServer

LEGACY = Path(__file__).parent.parent / "migrations" / "legacy"
INTERACTIONS = 20_000

QUERY = "{ tasks(first: 3, filter: {links: {only: [ACCOUNT]}}) { nodes { subject dueAt account { displayName } } } }"


@click.command(epilog="Example: ./taskline demo --port 8080")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8000, show_default=True, type=click.IntRange(0, 65_535), help="Port; 0 takes any.")
@click.option("--fresh", is_flag=True, help="Throw the demo's database away and make a new one.")
def command(*, host: str, port: int, fresh: bool) -> None:
    """Make an invented CRM, migrate it, serve it, and say how to look at it.

    The second start reuses everything. Ctrl-C stops the server and its PostgreSQL.
    """
    settings = Settings.from_env()
    with serving.listening(host, port) as taken, _started(settings.home) as server:
        crm = EmbeddedCrm(server, "demo", way_out="Try ./taskline demo --fresh")
        state = None if fresh else DemoState.read(settings.home)
        if state is None or not crm.exists():
            state = _made(crm, settings.home)
        else:
            own_databases.bring_up_to_date(crm)
        update = {
            "host": host,
            "port": port,
            "database_url": SecretStr(crm.api_url),
            "demo_organization_id": state.organization_id,
            "jwt_secret": SecretStr(state.jwt_secret),
            "jwt_algorithm": "HS256",
            "jwks_file": None,
            "jwks_url": None,
        }
        serving.run(
            served := settings.model_copy(update=update),
            taken,
            when_up=lambda: click.echo(_greeting(served, state, crm, serving.address(taken, host))),
        )


def _started(home: Path) -> EmbeddedServer:
    with step("PostgreSQL is running"):
        return embedded.start(home)


def _made(crm: EmbeddedCrm, home: Path) -> DemoState:
    """Make the legacy CRM, migrate it before everybody's eyes, add what only a migrated one can hold."""
    jwt_secret = DemoState.secret_for_the_next(home)
    DemoState.forget(home)
    with step(f"A legacy CRM: 3 organizations, {INTERACTIONS:,} interactions, each on a lead"):
        crm.create()
        crm.load_legacy(LEGACY, INTERACTIONS, datetime.now(UTC))
    asyncio.run(apply.up(crm.owner_url, api_role=crm.api_role, say=serving.say))
    with step("Tasks for contacts and accounts, which the CRM can hold now"):
        crm.load_linked_tasks(LEGACY)
    state = DemoState.of(crm.people(), jwt_secret)
    state.write(home)
    return state


def _greeting(settings: Settings, state: DemoState, crm: EmbeddedCrm, url: str) -> str:
    tokens = "\n".join(
        f"  {role.value:<7} {state.people[role][1]}\n          "
        + issue(settings, state.viewer(role), lifetime=DEMO_TOKEN_LIFETIME)
        for role in Role
    )
    return f"""
Taskline is up. Ctrl-C stops it and its PostgreSQL.

  The timeline                    {url}/
  GraphiQL, with four examples    {url}/graphiql
  GraphQL                         {url}/graphql
  Ready?                          {url}/readyz

Tokens, good for {DEMO_TOKEN_LIFETIME // timedelta(hours=1)} hours (another one: ./taskline token --role user):
{tokens}

Ask something:
  curl -s {url}/graphql -H 'Content-Type: application/json' \\
    -H "Authorization: Bearer $(./taskline token --role user)" \\
    -d '{{"query": "{QUERY}"}}'

Look into the database, as the API sees it:
  {_psql_line(crm, state)}

On a database of your own (README, "A database of your own"):
  MIGRATION_DATABASE_URL=postgresql://owner@host/crm ./taskline migrate up
  DATABASE_URL=postgresql://taskline_api@host/crm TASKLINE_JWT_SECRET=… ./taskline serve
"""


def _psql_line(crm: EmbeddedCrm, state: DemoState) -> str:
    """Return a line for the shell. Row security shows it one organization, as it does the API."""
    options = f"-c app.current_organization_id={state.organization_id}"
    return f"PGOPTIONS={shlex.quote(options)} {shlex.join([str(crm.server.bin_dir / 'psql'), crm.api_url])}"
