"""The table of contents of the REST API, and its place in the application."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson
from starlette.routing import Mount, Route, Router

from server.rest import change_operations, lead_operations, task_operations
from server.rest.openapi import document
from server.rest.resources import Document, Elsewhere, Resource

if TYPE_CHECKING:
    from db.engine import Database
    from server.gate import Gate
    from server.rest.operations import AnyOperation
    from settings import Settings

# Of this API's contract, not of Taskline: it grows when the routes do.
VERSION = "1.0.0"


def all_operations() -> list[AnyOperation]:
    """Return every operation."""
    return [*task_operations.operations(), *lead_operations.operations(), *change_operations.operations()]


def mount(database: Database, gate: Gate, settings: Settings) -> Mount:
    """Return everything below /api."""
    operations = all_operations()
    by_path: dict[str, list[AnyOperation]] = {}
    # Fixed paths before those that a parameter would match.
    for operation in sorted(operations, key=lambda operation: len(operation.path_names)):
        by_path.setdefault(operation.path, []).append(operation)
    resources = []
    for path, own in by_path.items():
        resource = Resource(own, database, gate, settings)
        # Today's front end was built against a router that forgives a slash at the end.
        resources += [Route(path, resource), Route(f"{path}/", resource)]
    described = Document(orjson.dumps(document(operations, VERSION)))
    shown = [Route("/openapi.json", described)] if settings.is_introspection_on else []
    return Mount("/api", app=Router([*shown, *resources], redirect_slashes=False, default=Elsewhere(operations)))
