"""The demo's sign-in: a token for a chosen person, for whoever sits at this machine."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from starlette.routing import Route

from db import users
from errors import BadUserInput, Forbidden, NotFound
from resolvers.viewers import Role, Viewer
from server import operations
from server.answers import answer
from server.sign_in import DEMO_TOKEN_LIFETIME, issue

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from db.engine import Database
    from settings import Settings

# {"role": "viewer"} has 18.
MAX_BODY_BYTES = 1_000


def routes(settings: Settings, database: Database) -> list[Route]:
    """Return POST /demo/token, or nothing unless this is the demo on a loopback address.

    Its failures are raised, for the application's exception handlers.
    """
    organization_id = settings.demo_organization_id
    if organization_id is None or not is_loopback(settings.host):
        return []

    async def token(request: Request) -> Response:
        _check_caller(request)
        operations.require_json(request)
        role = await _wanted_role(request, settings.read_timeout_ms)
        async with database.session(organization_id) as session:
            person = await users.first_of_role(session, role.value)
        if person is None:
            raise NotFound(f"Nobody in the demo has the role {role.value}. Start it afresh: ./taskline demo --fresh.")
        viewer = Viewer(person.id, organization_id, role)
        user = {"id": str(person.id), "displayName": person.display_name, "role": role.name}
        return answer({"token": issue(settings, viewer, lifetime=DEMO_TOKEN_LIFETIME), "user": user})

    return [Route("/demo/token", token, methods=["POST"])]


def is_loopback(host: str | None) -> bool:
    """Return whether this name or address can only be reached from the same machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return False


async def _wanted_role(request: Request, read_timeout_ms: int) -> Role:
    body = operations.parsed_json(await operations.body_within(request, MAX_BODY_BYTES, read_timeout_ms), "body")
    role = body.get("role") if isinstance(body, dict) else None
    if not isinstance(role, str) or role.lower() not in set(Role):
        known = ", ".join(f'{{"role": "{role}"}}' for role in Role)
        raise BadUserInput(f"The body doesn't say who you want to be. Send one of {known}.")
    return Role(role.lower())


def _check_caller(request: Request) -> None:
    """Raise Forbidden unless our own page or a program on this machine asks.

    A page of another site can point its own name at 127.0.0.1 (DNS rebinding): its requests then arrive here, but
    with that name in Host and Origin.
    """
    _, port = request.scope["server"]
    origin = request.headers.get("origin")
    if not _is_ours(f"//{request.headers.get('host', '')}", port):
        raise Forbidden(f"Tokens are given only at http://localhost:{port} and http://127.0.0.1:{port}. Open that.")
    if origin is not None and not (origin.startswith("http://") and _is_ours(origin, port)):
        raise Forbidden(f"Tokens are not given to pages of another site. Open http://localhost:{port}.")


def _is_ours(address: str, port: int) -> bool:
    try:
        parts = urlsplit(address)
        return is_loopback(parts.hostname) and (parts.port or 80) == port
    except ValueError:
        return False
