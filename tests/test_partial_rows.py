"""Of a page's entries and tasks only what is shown is read, and nothing is shown that wasn't read."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, NamedTuple, TypeVar, cast
from uuid import UUID

import pytest
from graphql import GraphQLObjectType, get_named_type, is_leaf_type
from pydantic import SecretStr
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from db.engine import Database
from db.interactions import ALWAYS_READ, ATTRIBUTES, known_attributes, rows_of
from db.keyset import Page, Window
from db.linked_rows import INTERACTIONS, known_paths
from db.partial_rows import NotReadError, partial_row
from db.records import RecordKind
from db.task_filters import TaskFilter
from db.task_orders import DEFAULT_ORDER
from db.tasks import page as page_of_tasks
from db.timeline_filters import Timeline, TimelineFilter
from db.timelines import RecordPage, entries_of, pages
from execution.foresight import Foreseen
from schema.build import build_schema
from server.databases import database_of
from settings import Settings
from tests.apis import PATIENCE
from tests.databases import CrmDatabase
from tests.generated_documents import Document
from tests.organizations import Organization
from tests.test_planned_answers import answered

if TYPE_CHECKING:
    from execution.planned_executors import PlannedExecutor

T = TypeVar("T")

TYPES = "Task", "Activity"
FIELDS = [
    (kind, name) for kind in TYPES for name in cast("GraphQLObjectType", build_schema()._schema.type_map[kind]).fields
]
FIELDS_OF_TASKS = [(kind, name) for kind, name in FIELDS if kind == "Task"]


class Whole(NamedTuple):
    """A row."""

    id: int
    name: str | None
    note: str | None


def test_a_partial_row_has_what_was_read_and_refuses_the_rest() -> None:
    row = partial_row(Whole, ("id", "note"))._make((7, None))

    assert isinstance(row, Whole)
    assert row.id == 7
    assert row.note is None
    with pytest.raises(NotReadError, match="name of this Whole was not read"):
        getattr(row, "name", None)


def test_who_looks_at_the_whole_of_an_interaction_reads_it_whole() -> None:
    assert known_attributes(None) == ATTRIBUTES
    assert known_attributes(frozenset({"id", "subject"})) == (*ALWAYS_READ, "subject")


class Noted:
    """A context that only notes what is foreseen."""

    def __init__(self) -> None:
        self.foreseen: dict[str, Foreseen] = {}
        self.by_plan = 0

    def foresee(self, field: str, foreseen: Foreseen) -> None:
        self.foreseen[field] = foreseen


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ("node { __typename }", set()),
        ("cursor via { kind record { displayName } } node { id lead { email } }", {"id"}),
        ("node { subject again: subject ... on Task { dueAt } }", {"subject", "due_at"}),
        ("node { ... on Activity { outcome ... on Node { id } } }", {"id", "outcome"}),
        ("node { subject @skip(if: true) kind @include(if: true) }", {"kind"}),
        ("node { account { name contact { email } } createdBy { email } }", set()),
        ("node { id links { label } }", None),
        ("node { id ... on Task { isOverdue } }", None),
        ("node { id ... on Task { history { totalCount } } }", None),
    ],
)
def test_what_is_shown_of_a_timelines_entries_is_foreseen(asked: str, expected: set[str] | None) -> None:
    context = Noted()
    document = f'{{ one: timeline(record: {{leadId: "1"}}) {{ totalCount edges {{ {asked} }} }} }}'

    asyncio.run(build_schema().execute(document, context_value=context))

    assert expected == context.foreseen["one"].attributes


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ("totalCount pageInfo { endCursor }", set()),
        ("edges { cursor node { subject } }", {"subject"}),
        ("nodes { id dueAt } edges { node { lead { email } version } }", {"id", "due_at", "version"}),
        ("nodes { bucket }", None),
    ],
)
def test_what_is_shown_of_listed_tasks_is_foreseen(asked: str, expected: set[str] | None) -> None:
    context = Noted()

    asyncio.run(build_schema().execute(f"{{ one: tasks {{ {asked} }} }}", context_value=context))

    assert expected == context.foreseen["one"].attributes


@pytest.fixture
def contact(organization: Organization) -> str:
    """A contact with a task and a call that have everything."""
    contact = organization.contact()
    links = {"contact_id": contact, "account_id": organization.account(contact), "lead_id": organization.lead()}
    written = {"subject": "Call", "description": "Long", "outcome": "Good", "created_by": organization.user()}
    instants = dict.fromkeys(("scheduled_at", "completed_at", "created_at", "updated_at"), "2026-03-01T09:00:00Z")
    organization.tasks([links | written | instants, links | written | instants | {"interaction_type": "call"}])
    return str(contact)


@pytest.mark.parametrize(
    ("kind", "name", "is_list"),
    [*((*field, False) for field in FIELDS), *((*field, True) for field in FIELDS_OF_TASKS)],
)
def test_each_field_of_an_entry_or_a_task_finds_what_it_shows(
    crm: CrmDatabase, organization: Organization, contact: str, kind: str, name: str, *, is_list: bool
) -> None:
    planned, reference = build_schema(), build_schema()
    reference.execution_context_class = StrawberryGraphQLCoreExecutionContext  # reads all rows whole
    plans = cast("type[PlannedExecutor]", planned.execution_context_class).plans
    field = cast("GraphQLObjectType", planned._schema.type_map[kind]).fields[name]
    shown = name if is_leaf_type(get_named_type(field.type)) else f"{name} {{ __typename }}"
    pages = "tasks" if is_list else f'timeline(record: {{contactId: "{contact}"}})'
    text = f"{{ {pages} {{ edges {{ node {{ ... on {kind} {{ {shown} }} }} }} }} }}"

    async def ask(database: Database) -> list[tuple[bytes, list[str]]]:
        return [await answered(database, organization, by, Document(text, {})) for by in (planned, reference)]

    by_plan, by_reference = using(crm, ask)

    assert by_reference == by_plan
    assert ([], 1, 0) == (by_plan[1], plans.answered, plans.left)


@pytest.mark.parametrize("is_related_included", [False, True])
def test_a_page_has_no_other_columns_than_those_asked_for(
    crm: CrmDatabase, organization: Organization, contact: str, is_related_included: bool
) -> None:
    timeline = Timeline(RecordKind.CONTACT, is_related_included, TimelineFilter())
    attributes = known_attributes(frozenset({"outcome"}))
    paths = known_paths(INTERACTIONS, frozenset({("account",), ("account", "contact")}))

    async def read(database: Database) -> RecordPage:
        async with database.session(organization.id) as session:
            (page,) = await pages(session, timeline, Window(9), [UUID(contact)], attributes=attributes, paths=paths)
            return page

    found = using(crm, read)
    (task, _), records = entries_of(found.page, attributes), found.page.records

    assert "Good" == task.interaction.outcome
    assert [UUID(contact)] == list(found.linked["contacts"]) == [task.interaction.contact_id]
    assert [task.interaction.account_id] == list(found.linked["accounts"])
    assert not {"subject", "description", "scheduled_at", "created_at", "version"} & set(records[0].keys())
    with pytest.raises(NotReadError):
        _ = task.interaction.subject


def test_a_page_of_tasks_has_no_other_columns_than_those_asked_for(
    crm: CrmDatabase, organization: Organization, contact: str
) -> None:
    attributes = known_attributes(frozenset({"outcome"}))

    async def read(database: Database) -> Page:
        async with database.session(organization.id) as session:
            return await page_of_tasks(session, TaskFilter(), DEFAULT_ORDER, Window(9), attributes=attributes)

    page = using(crm, read)
    (task,) = rows_of(page, attributes)

    assert ("Good", UUID(contact)) == (task.outcome, task.contact_id)
    assert not {"subject", "description", "scheduled_at", "created_at", "version"} & set(page.records[0].keys())
    with pytest.raises(NotReadError):
        _ = task.subject


def using(crm: CrmDatabase, use: Callable[[Database], Awaitable[T]]) -> T:
    """Return what comes of a use of the database."""

    async def run() -> T:
        settings = {"database_url": SecretStr(crm.app_url), "pool_size": 1} | PATIENCE
        database = database_of(Settings.model_validate(settings))
        await database.open()
        try:
            return await use(database)
        finally:
            await database.close()

    return asyncio.run(run())
