"""The OpenAPI 3.1 document, put together from the operations: what validates requests is what is described."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Literal

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema

from resolvers.idempotency import LONGEST_KEY
from server.answers import JSON
from server.rest.inputs import Nothing
from server.rest.problems import PROBLEM_JSON
from server.rest.shapes import ChangedTask, OneTask, Problem

if TYPE_CHECKING:
    from collections.abc import Sequence

    from server.rest.operations import AnyOperation

Part = dict[str, Any]

VERSION = "3.1.1"
_REF = "#/components/schemas/{model}"
_ETAG = {"description": "The task's version; send it back as If-Match.", "schema": {"type": "string"}}
_IF_MATCH = {
    "name": "If-Match",
    "in": "header",
    "description": "Change the task only if it still is what had this ETag; otherwise 412.",
    "schema": {"type": "string"},
}
_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "A key of your choice, one for each intention: a repeat with it answers the task that it made.",
    "schema": {"type": "string", "minLength": 1, "maxLength": LONGEST_KEY},
}


class Untitled(GenerateJsonSchema):
    """Schemas whose fields have no title: pydantic would repeat each name in capitals."""

    def field_title_should_be_set(self, _: object) -> bool:
        """Say that none has one."""
        return False


def document(operations: Sequence[AnyOperation], version: str) -> Part:
    """Return the document for these operations."""
    schemas, definitions = _schemas(operations)
    paths: Part = {}
    for operation in operations:
        paths.setdefault(f"/api{operation.path}", {})[operation.method.lower()] = _operation(operation, schemas)
    return {
        "openapi": VERSION,
        "info": {
            "title": "Taskline, REST",
            "version": version,
            "description": "Tasks of a CRM, as older clients know them. GraphQL at /graphql has more.",
        },
        "servers": [{"url": "/"}],
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "schemas": definitions,
            "responses": _refusals(operations, schemas),
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
        },
    }


def _schemas(operations: Sequence[AnyOperation]) -> tuple[dict[type, Part], Part]:
    """Return the schema of each body and answer, as references, and what they refer to."""
    bodies: set[type] = {operation.body for operation in operations} - {Nothing}
    answers: set[type] = {operation.answer for operation in operations} | {Problem}
    adapters: list[tuple[str, Literal["validation", "serialization"], TypeAdapter[Any]]] = [
        *((kind.__name__, "validation", TypeAdapter(kind)) for kind in sorted(bodies, key=_name)),
        *((kind.__name__, "serialization", TypeAdapter(kind)) for kind in sorted(answers, key=_name)),
    ]
    found, whole = TypeAdapter.json_schemas(
        adapters, ref_template=_REF, union_format="primitive_type_array", schema_generator=Untitled
    )
    schemas = {name: schema for (name, _), schema in found.items()}
    return {kind: schemas[kind.__name__] for kind in bodies | answers}, whole["$defs"]


def _operation(operation: AnyOperation, schemas: dict[type, Part]) -> Part:
    shown: Part = {
        "operationId": operation.name,
        "summary": operation.summary,
        "parameters": [*_parameters(operation), *_headers(operation)],
        "responses": {str(operation.status): _success(operation, schemas)}
        | {str(status): {"$ref": f"#/components/responses/{status}"} for status in operation.refusals},
    }
    if operation.body is not Nothing:
        is_required = "required" in operation.body.model_json_schema()
        shown["requestBody"] = {"required": is_required, "content": {JSON: {"schema": schemas[operation.body]}}}
    return shown


def _parameters(operation: AnyOperation) -> list[Part]:
    schema = operation.parameters.model_json_schema(ref_template=_REF, schema_generator=Untitled)
    required, names = schema.get("required", []), operation.path_names
    return [
        {
            "name": name,
            "in": "path" if name in names else "query",
            "required": name in required,
            "description": described.pop("description"),
            "schema": _of_a_text(described),
        }
        for name, described in schema.get("properties", {}).items()
    ]


def _headers(operation: AnyOperation) -> list[Part]:
    return [*([_IF_MATCH] if operation.is_conditional else []), *([_KEY] if operation.is_keyed else [])]


def _of_a_text(schema: Part) -> Part:
    """Return the schema of a parameter that is absent where a body would have null."""
    match schema:
        case {"anyOf": [only, {"type": "null"}], "default": None}:
            return dict(only)
    return schema


def _success(operation: AnyOperation, schemas: dict[type, Part]) -> Part:
    answered: Part = {"description": "Done.", "content": {JSON: {"schema": schemas[operation.answer]}}}
    return answered | ({"headers": {"ETag": _ETAG}} if operation.answer in {ChangedTask, OneTask} else {})


def _refusals(operations: Sequence[AnyOperation], schemas: dict[type, Part]) -> Part:
    """Return the answer to a refused request for each status, by its number."""
    content = {media_type: {"schema": schemas[Problem]} for media_type in (JSON, PROBLEM_JSON)}
    statuses = sorted({status for operation in operations for status in operation.refusals})
    return {str(status): {"description": HTTPStatus(status).phrase, "content": content} for status in statuses}


def _name(kind: type) -> str:
    return kind.__name__
