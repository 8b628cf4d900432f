"""The OpenAPI document, as tests hold answers against it."""

from collections.abc import Mapping
from typing import Any

from jsonschema import Draft202012Validator
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from server.rest.openapi import document
from server.rest.routes import VERSION, all_operations


def whole() -> dict[str, Any]:
    """Return the document."""
    return document(all_operations(), VERSION)


def faults(described: Mapping[str, Any], operation: Mapping[str, Any], status: int, answer: object) -> list[str]:
    """Return where an answer isn't what the document says of an operation's answers with this status."""
    found = operation["responses"].get(str(status))
    if found is None:
        return [f"{operation['operationId']} never answers {status}"]
    found = described["components"]["responses"][str(status)] if "$ref" in found else found
    registry = Registry().with_resource("urn:document", DRAFT202012.create_resource(described))
    schema = {"$ref": "urn:document" + found["content"]["application/json"]["schema"]["$ref"]}
    checks = Draft202012Validator(schema, registry=registry, format_checker=Draft202012Validator.FORMAT_CHECKER)
    return [error.message for error in checks.iter_errors(answer)]
