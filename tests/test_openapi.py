"""The OpenAPI document is valid, and describes what is asked and answered."""

from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from tests import apis
from tests.apis import Api
from tests.organizations import Organization
from tests.rest_cases import CASES, furnish, send
from tests.rest_document import faults, whole


@pytest.fixture(scope="module")
def described() -> dict[str, Any]:
    return whole()


def test_it_is_a_valid_document(described: dict[str, Any]) -> None:
    assert [] == list(OpenAPIV31SpecValidator(described).iter_errors())


def test_it_is_served_as_it_is_without_a_token(api: Api, described: dict[str, Any]) -> None:
    response = api.client.get("/api/openapi.json")

    assert (200, "application/json") == (response.status_code, response.headers["content-type"])
    assert described == response.json()


def test_it_can_be_switched_off_as_introspection_is() -> None:
    with apis.api(is_introspection_on=False) as running:
        assert 404 == running.client.get("/api/openapi.json").status_code


def operation_of(described: dict[str, Any], case: dict[str, Any]) -> dict[str, Any] | None:
    """Return the operation that a case asks for; None at an address that isn't described."""
    path = case["request"]["path"].partition("?")[0].split("/")
    for template, item in sorted(described["paths"].items(), key=lambda each: str(each[0]).count("{")):
        parts = template.split("/")
        if len(parts) == len(path) and all(p == q or "{" in p for p, q in zip(parts, path, strict=True)):
            found: dict[str, Any] = item[case["request"]["method"].lower()]
            return found
    return None


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_answers_are_as_described(
    api: Api, organization: Organization, described: dict[str, Any], case: dict[str, Any]
) -> None:
    operation = operation_of(described, case)

    response = send(api, organization, case, furnish(organization))

    assert operation is None or [] == faults(described, operation, response.status_code, response.json())
