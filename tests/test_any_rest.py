"""Whatever a caller sends by REST is answered as the OpenAPI document says, and never with a fault of the server."""

from typing import Any
from urllib.parse import quote, urlencode
from uuid import UUID

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from server.rest.routes import all_operations
from tests.apis import Api
from tests.organizations import Organization, new_organization
from tests.owners import Owner
from tests.rest_cases import furnish
from tests.rest_document import faults, whole

texts = st.one_of(
    st.sampled_from(["", " ", "all", "undefined", "null", "%", "'", "é\u0301", "\u202e", "\0", "😀", "x" * 300]),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=12),
)
instants = st.sampled_from(
    ["2026-02-10", "2026-02-10T15:30:00.000Z", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00", "2026-W07"]
)
numbers = st.sampled_from([-1, 0, 1, 7, 1_000, 1_001, 2**31, 2**63, 10**30, 0.5])
values = st.one_of(st.none(), st.booleans(), texts, instants, numbers, st.lists(texts, max_size=3), st.just({}))


@pytest.fixture(scope="module")
def furnished(owner: Owner) -> tuple[Organization, dict[str, str]]:
    organization = new_organization(owner)
    return organization, furnish(organization)


def allowed(schema: dict[str, Any]) -> list[Any]:
    """Return the words that a schema lists, its own and those of its alternatives."""
    return [*schema.get("enum", []), *(word for part in schema.get("anyOf", []) for word in allowed(part))]


def value_of(schema: dict[str, Any], ids: list[str]) -> st.SearchStrategy[Any]:
    """Draw a value for a schema: mostly one that it allows."""
    fit = [*allowed(schema), *ids] if "uuid" in str(schema) else allowed(schema)
    return st.one_of(st.sampled_from(fit), st.sampled_from(fit), values) if fit else values


def segment(value: object) -> str:
    """Return a value as a part of a path.

    A line feed leads out of /api, because no route of Starlette's matches one. Nothing, one dot and two dots lead to
    another address, before anything is sent: RFC 3986, section 5.2.4.
    """
    text = str(value).replace("\n", "")
    return "x" if text in {"", ".", ".."} else quote(text, safe="")


@pytest.mark.slow
@pytest.mark.parametrize("name", [operation.name for operation in all_operations()])
# Not made smaller when it fails: each request leaves another database, so that takes minutes and finds nothing.
@settings(
    max_examples=30,
    phases=[Phase.explicit, Phase.generate],
)
@given(data=st.data())
def test_any_request_is_answered_as_described(
    api: Api, furnished: tuple[Organization, dict[str, str]], name: str, data: st.DataObject
) -> None:
    organization, known = furnished
    ids = [id_ for kind, id_ in known.items() if kind != "organization"] + [str(UUID(int=7))]
    described = whole()
    ((path, method, operation),) = [
        (path, method, operation)
        for path, item in described["paths"].items()
        for method, operation in item.items()
        if operation["operationId"] == name
    ]
    query, headers = {}, api.headers(viewer=organization.viewer())
    for parameter in operation["parameters"]:
        value = data.draw(value_of(parameter["schema"], ids), label=parameter["name"])
        if parameter["in"] == "path":
            path = path.replace(f"{{{parameter['name']}}}", segment(value))
        elif parameter["in"] == "query" and data.draw(st.booleans()):
            query[parameter["name"]] = str(value)
    more: dict[str, Any] = {}
    if "requestBody" in operation:
        reference = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"]
        properties = described["components"]["schemas"][reference.rpartition("/")[2]]["properties"]
        fields = {field: value_of(schema, ids) for field, schema in properties.items()}
        more["json"] = data.draw(st.fixed_dictionaries({}, optional=fields), label="body")

    response = api.client.request(method, f"{path}?{urlencode(query)}", headers=headers, **more)

    assert response.status_code < 500, response.text
    assert [] == faults(described, operation, response.status_code, response.json())
