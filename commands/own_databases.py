"""The databases that `demo` and `serve` make on the embedded server, brought up to date at each start."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from commands import serving
from db.embedded_crm import EmbeddedCrm
from migrations.runner import apply

if TYPE_CHECKING:
    from db.embedded import EmbeddedServer


def of_serve(server: EmbeddedServer) -> EmbeddedCrm:
    """Return the database that `serve` makes when DATABASE_URL names none; it may not be there yet."""
    return EmbeddedCrm(server, "taskline", way_out=f"Start again; if that doesn't help, read {server.log}")


def bring_up_to_date(crm: EmbeddedCrm) -> None:
    """Apply what an older release didn't have yet; say something only if there was something to do.

    A role can be missing, too, if whoever made the database was killed. Raises DatabaseNotMade, and as `apply.up` does.
    """
    crm.make_roles()
    said: list[str] = []
    run = asyncio.run(apply.up(crm.owner_url, api_role=crm.api_role, say=said.append))
    if run.entries:
        serving.say("\n".join(said))
