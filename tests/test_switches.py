"""What an operator can switch off."""

import pytest

from tests.apis import SOMEBODY, api

INTROSPECTION = "{ __schema { queryType { name } } }"


@pytest.mark.slow
def test_introspection_can_be_switched_off() -> None:
    with api(is_introspection_on=False) as off:
        refused = off.codes(SOMEBODY, INTROSPECTION)
        typename = off.data(SOMEBODY, "{ __typename }")

    assert {"BAD_USER_INPUT"} == set(refused)
    assert {"__typename": "Query"} == typename


@pytest.mark.slow
def test_introspection_is_on_by_default() -> None:
    with api() as on:
        assert {"__schema": {"queryType": {"name": "Query"}}} == on.data(SOMEBODY, INTROSPECTION)


@pytest.mark.slow
def test_graphiql_can_be_switched_off() -> None:
    with api(is_graphiql_on=False) as off:
        assert [200, 404] == [off.client.get(path).status_code for path in ("/", "/graphiql")]


@pytest.mark.slow
def test_suggestions_can_be_switched_off_alone() -> None:
    with api(is_suggestions_on=False) as off:
        (error,) = off.ask("{ tasks(frist: 5) { totalCount } }").json()["errors"]
        schema = off.data(SOMEBODY, INTROSPECTION)

    assert "tasks has no argument “frist”. Take it out." == error["message"]
    assert {"__schema": {"queryType": {"name": "Query"}}} == schema
