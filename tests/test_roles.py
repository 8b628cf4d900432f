"""The API's role in the database must be bound by row security."""

import asyncio
import json
from uuid import uuid4

import pytest
from pydantic import SecretStr

from errors import UnboundRole
from server.databases import check
from settings import Settings
from tests.apis import api
from tests.databases import CrmDatabase
from tests.organizations import Organization


def settings_for(url: str) -> Settings:
    return Settings.model_validate({"database_url": SecretStr(url)})


@pytest.mark.parametrize("who", ["owner_url", "superuser_url"])
def test_the_api_refuses_a_role_that_escapes_row_security(
    crm: CrmDatabase, organization: Organization, who: str
) -> None:
    url = getattr(crm, who)

    with pytest.raises(UnboundRole, match="lead_interactions" if who == "owner_url" else "superuser"):
        asyncio.run(check(settings_for(url)))
    with api(database_url=url) as running:
        body = running.ask("{ tasks { nodes { id } } }", viewer=organization.viewer()).json()
    assert {"tasks": None} == body["data"]
    assert ["INTERNAL"] == [error["extensions"]["code"] for error in body["errors"]]
    assert "crm_owner" not in json.dumps(body)


@pytest.mark.parametrize("attributes", ["BYPASSRLS", "IN ROLE crm_owner"])
def test_the_api_refuses_roles_with_borrowed_rights(crm: CrmDatabase, attributes: str) -> None:
    role = f"borrower_{uuid4().hex[:12]}"
    crm.psql(f"CREATE ROLE {role} LOGIN PASSWORD 'x' {attributes}")
    try:
        with pytest.raises(UnboundRole, match=role):
            asyncio.run(check(settings_for(crm.server.url(crm.name, role, password="x"))))
    finally:
        crm.psql(f"DROP ROLE {role}")


def test_the_api_accepts_a_role_that_row_security_binds(crm: CrmDatabase) -> None:
    asyncio.run(check(settings_for(crm.app_url)))
