"""`./taskline serve`: the API and its pages on a database of yours, or on an empty one of its own."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack

import click
from pydantic import SecretStr

from commands import own_databases, serving
from commands.progress import step
from db import embedded
from errors import DatabaseRefused, Unavailable
from server import databases
from server.sign_in import Verifier
from settings import MOST_WORKERS, Settings


@click.command(epilog="Example: DATABASE_URL=postgresql://taskline_api@localhost/crm ./taskline serve --port 8080")
@click.option("--host", default=None, help="Address to listen on; TASKLINE_HOST or 127.0.0.1 when left out.")
@click.option("--port", default=None, type=click.IntRange(0, 65_535), help="Port; TASKLINE_PORT or 8000 when left out.")
@click.option(
    "--workers",
    default=None,
    type=click.IntRange(1, MOST_WORKERS),
    help="Server processes that share the port; TASKLINE_WORKERS or 1 when left out.",
)
def command(*, host: str | None, port: int | None, workers: int | None) -> None:
    """Serve the API and its pages.

    DATABASE_URL names the database, with the API's role. Without it, a PostgreSQL of Taskline's own is started and
    an empty CRM made in it.
    """
    given = Settings.from_env()
    chosen = {
        "host": host or given.host,
        "port": given.port if port is None else port,
        "workers": workers or given.workers,
    }
    settings = given.model_copy(update=chosen)
    Verifier(settings)  # says at once when no key to check tokens by is set
    with ExitStack() as stack:
        taken = stack.enter_context(serving.listening(settings.host, settings.port))
        if settings.database_url is None:
            with step("PostgreSQL is running"):
                server = stack.enter_context(embedded.start(settings.home))
            settings = settings.model_copy(update={"database_url": SecretStr(_own_database(server))})
        try:
            _check_room(settings, asyncio.run(databases.check(settings)))
        except DatabaseRefused:
            raise  # waiting doesn't mend it
        except Unavailable as exc:
            serving.say(f"{exc} Serving all the same: /readyz says when it is there.")
        url = serving.address(taken, settings.host)
        serving.run(settings, taken, when_up=lambda: click.echo(f"Taskline is up at {url} (Ctrl-C stops it)."))


def _check_room(settings: Settings, room: int) -> None:
    """Say so when the server has no room for all connections that may be wanted at once."""
    wanted = settings.workers * (settings.pool_size + 1)  # one of each waits for word of events
    if wanted > room:
        serving.say(
            f"Up to {wanted} connections to the database may be wanted: {settings.workers} × (TASKLINE_POOL_SIZE"
            f"={settings.pool_size} + 1 for live events). The server gives this role {room} at most. Take a smaller "
            "pool, fewer workers, or a larger max_connections there."
        )


def _own_database(server: embedded.EmbeddedServer) -> str:
    crm = own_databases.of_serve(server)
    if not crm.exists():
        crm.create()
    own_databases.bring_up_to_date(crm)
    return crm.api_url
