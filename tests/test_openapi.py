"""The OpenAPI document is valid, and describes what is asked and answered."""

from typing import Any

import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from server.rest.openapi import document
from server.rest.routes import VERSION, all_operations
from tests import apis
from tests.apis import Api
from tests.organizations import Organization
from tests.rest_cases import CASES, furnish, send


@pytest.fixture(scope="module")
def described() -> dict[str, Any]:
    return document(all_operations(), VERSION)


def test_it_is_a_valid_document(described: dict[str, Any]) -> None:
    assert [] == list(OpenAPIV31SpecValidator(described).iter_errors())


def test_it_is_served_as_it_is_without_a_token(api: Api, described: dict[str, Any]) -> None:
    response = api.client.get("/api/openapi.json")

    assert (200, "application/json") == (response.status_code, response.headers["content-type"])
    assert described == response.json()


def test_it_can_be_switched_off_as_introspection_is() -> None:
    with apis.api(is_introspection_on=False) as running:
        assert 404 == running.client.get("/api/openapi.json").status_code


def schema_of(described: dict[str, Any], case: dict[str, Any]) -> dict[str, Any] | None:
    """Return the schema of the answer to a case's request; None at an address that isn't described."""
    path = case["request"]["path"].partition("?")[0].split("/")
    for template, item in sorted(described["paths"].items(), key=lambda each: str(each[0]).count("{")):
        parts = template.split("/")
        alike = len(parts) == len(path) and all(p == q or "{" in p for p, q in zip(parts, path, strict=True))
        if alike and (operation := item.get(case["request"]["method"].lower())):
            found: dict[str, Any] = operation["responses"][str(case["answer"]["status"])]
            return dict(found["content"]["application/json"]["schema"])
    return None


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_answers_are_as_described(
    api: Api, organization: Organization, described: dict[str, Any], case: dict[str, Any]
) -> None:
    schema = schema_of(described, case)
    registry = Registry().with_resource("urn:document", DRAFT202012.create_resource(described))
    rooted = {"$ref": "urn:document" + schema["$ref"]} if schema else {}

    answer = send(api, organization, case, furnish(organization)).json()

    checks = Draft202012Validator(rooted, registry=registry, format_checker=Draft202012Validator.FORMAT_CHECKER)
    assert [] == [error.message for error in checks.iter_errors(answer)]
