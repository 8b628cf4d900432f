"""The whole API by plans and by graphql-core: the same answers on the same rows, and nearly all of them by plans."""

import asyncio
import gc
import logging
import weakref
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, cast

import orjson
import pytest
import strawberry
from graphql import GraphQLArgument, GraphQLBoolean, GraphQLEnumType, get_named_type, parse, validate
from hypothesis import HealthCheck, assume, given, settings
from pydantic import SecretStr
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from db.engine import Database
from resolvers.loaders import Loaders
from schema.build import build_schema
from schema.context import Context
from server.databases import database_of
from settings import Settings
from tests.databases import CrmDatabase
from tests.generated_documents import Document, collecting_apart, documents
from tests.organizations import Organization

if TYPE_CHECKING:
    from uuid import UUID

    from execution.planned_executors import PlannedExecutor

DOCUMENTS = 400
NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
LEAST_SHARE = 0.95


@pytest.fixture
def filled(organization: Organization) -> Organization:
    """Records of all kinds that are linked to each other, tasks of all combinations, one of them of a lost account."""
    contact = organization.contact(assigned_to=organization.user())
    lead = organization.lead(linked_contact_id=contact, assigned_to=organization.user_id)
    account, lost = (
        organization.account(contact),
        organization.account(contact, account_name="Gone", deleted_at="2026-01-01T00:00:00Z"),
    )
    links: list[dict[str, UUID | None]] = [
        {"lead_id": lead if n % 2 else None, "contact_id": contact if n % 3 else None, "account_id": linked}
        for n, linked in enumerate([None, account, lost] * 2)
    ]
    organization.tasks([{"subject": f"Nº{n}", **link} for n, link in enumerate(links) if any(link.values())])
    organization.tasks([{"interaction_type": "call", "contact_id": contact}])
    return organization


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """Let Strawberry log nothing of the errors that are meant."""
    logging.disable()
    yield
    logging.disable(logging.NOTSET)


# See `collecting_apart`.
@pytest.mark.filterwarnings("ignore:.* was never awaited:RuntimeWarning")
@pytest.mark.slow
def test_the_api_answers_by_plans_as_by_the_reference(
    crm: CrmDatabase, filled: Organization, record_property: Callable[[str, object], None]
) -> None:
    planned, reference = build_schema(), build_schema()
    reference.execution_context_class = StrawberryGraphQLCoreExecutionContext
    plans = cast("type[PlannedExecutor]", planned.execution_context_class).plans
    of_schema = documents(reference._schema, Arguments(filled), without=frozenset({"resumeToken"}))

    with asyncio.Runner() as runner, collecting_apart() as collect:
        database = database_of(Settings(database_url=SecretStr(crm.app_url), pool_size=1))
        runner.run(database.open())

        @settings(max_examples=DOCUMENTS, deadline=None, suppress_health_check=list(HealthCheck))
        @given(of_schema)
        def agree(document: Document) -> None:
            assume(not validate(reference._schema, parse(document.text)))
            expected = runner.run(answered(database, filled, reference, document))
            assert expected == runner.run(answered(database, filled, planned, document))
            collect()

        try:
            agree()
        finally:
            runner.run(database.close())

    share = plans.answered / (plans.answered + plans.left)
    record_property("share of root fields that plans answered", share)
    assert share >= LEAST_SHARE, f"plans answered {plans.answered} root fields, and left {plans.left}"


@pytest.mark.parametrize(
    "document",
    [
        "{ tasks { nodes { lead { owner { id } } history { edges { cursor } } } totalCount } }",
        "{ timeline(record: {contactId: $id}) { edges { via { record { id } } node { contact { id } } } totalCount } }",
        "{ node(id: $id) { id } nodes(ids: [$id, $id]) { id ... on Contact { timeline { totalCount } } } }",
    ],
)
def test_what_an_answer_without_errors_has_loaded_is_gone_with_it(
    crm: CrmDatabase, filled: Organization, document: str
) -> None:
    schema = build_schema()
    (contact,) = filled.owner.rows(f"SELECT id FROM contacts WHERE organization_id = '{filled.id}'")
    text = document.replace("$id", f'"{contact["id"]}"')

    async def answer(database: Database) -> weakref.ref[Loaders]:
        async with database.session(filled.id) as session:
            context = Context(filled.viewer(), session, idempotency_hours=1)
            result = await schema.execute(text, context_value=context)
            assert not result.errors
            return weakref.ref(context.loaders)

    async def kept() -> Loaders | None:
        database = database_of(Settings(database_url=SecretStr(crm.app_url), pool_size=1))
        await database.open()
        try:
            await answer(database)  # what is made once, such as a plan, is not meant
            gc.collect()
            return (await answer(database))()
        finally:
            await database.close()

    gc.disable()  # or it may come by, and find what would have stayed
    try:
        assert asyncio.run(kept()) is None
    finally:
        gc.enable()


class Arguments:
    """What can be written for the arguments of the API's fields, for the rows of one organization."""

    def __init__(self, organization: Organization) -> None:
        tables = "lead_interactions", "leads", "contacts", "accounts", "users"
        found = organization.owner.rows(
            " UNION ALL ".join(
                f"SELECT '{table}' AS kind, id FROM {table} WHERE organization_id = '{organization.id}'"
                for table in tables
            )
        )
        self._ids = [f'"{row["id"]}"' for row in found]
        self._records = [
            f'{{{row["kind"].removesuffix("s")}Id: "{row["id"]}"}}' for row in found if row["kind"] in tables[1:4]
        ]

    def __call__(self, name: str, argument: GraphQLArgument) -> list[str]:
        """Return them; of filters and cursors, which other tests are about, nothing."""
        kind = get_named_type(argument.type)
        if isinstance(kind, GraphQLEnumType):
            return list(kind.values)
        if kind is GraphQLBoolean:
            return ["true", "false", "null"]
        return {
            "id": self._ids,
            "ids": [f"[{', '.join(self._ids)}]", "[]"],
            "record": self._records,
            "search": ['"Cora"', '"Lea Lead"', '"nobody"'],
            "first": ["1", "2", "50"],
            "last": ["2"],
            "timeZone": ['"Europe/Berlin"', '"Asia/Tokyo"'],
            "at": ['"2026-03-01T00:00:00Z"'],
        }.get(name, [])


async def answered(
    database: Database, organization: Organization, schema: strawberry.Schema, document: Document
) -> tuple[bytes, list[str]]:
    """Return data and errors."""
    async with database.session(organization.id) as session:
        context = Context(organization.viewer(), session, idempotency_hours=1)
        context.now = NOW
        result = await schema.execute(document.text, variable_values=document.variables, context_value=context)
    return orjson.dumps(result.data), sorted(repr(error.formatted) for error in result.errors or [])
