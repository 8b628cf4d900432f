"""`./taskline token`: a token for a demo user, for scripts."""

from __future__ import annotations

from datetime import timedelta

import click
from pydantic import SecretStr

from commands.demo_state import DemoState
from errors import DemoNotMade
from resolvers.viewers import Role
from server.sign_in import DEMO_TOKEN_LIFETIME, issue
from settings import Settings


@click.command(
    epilog='Example: curl -H "Authorization: Bearer $(./taskline token --role user)" localhost:8000/graphql …'
)
@click.option("--role", required=True, type=click.Choice([role.value for role in Role]), help="Who to be.")
@click.option(
    "--hours",
    default=DEMO_TOKEN_LIFETIME // timedelta(hours=1),
    show_default=True,
    type=click.IntRange(1, 24 * 365),
    help="How long it is good for.",
)
def command(role: str, hours: int) -> None:
    """Print one token of the demo, and nothing else."""
    settings = Settings.from_env()
    state = DemoState.read(settings.home)
    if state is None:
        raise DemoNotMade(f"There is no demo in {settings.home} yet. Start it once: ./taskline demo.")
    signing = settings.model_copy(update={"jwt_secret": SecretStr(state.jwt_secret), "jwt_algorithm": "HS256"})
    click.echo(issue(signing, state.viewer(Role(role)), lifetime=timedelta(hours=hours)))
