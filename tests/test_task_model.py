"""The paper about tasks says what the code does: fields, columns and statuses."""

import pytest
from graphql import GraphQLEnumType, GraphQLObjectType, GraphQLSchema, build_schema

from db.tables import interactions
from schema.tasks import TaskStatus
from tests.papers import ROOT, quoted, section, table

TEXT = (ROOT / "docs" / "task-model.md").read_text()
STATES = table(section(TEXT, "States"))


@pytest.fixture(scope="module")
def committed_schema() -> GraphQLSchema:
    return build_schema((ROOT / "schema" / "schema.graphql").read_text())


def test_each_field_of_a_task_is_explained(committed_schema: GraphQLSchema) -> None:
    task = committed_schema.get_type("Task")

    explained = [field for row in table(section(TEXT, "Fields")) for field in quoted(row[0])]

    assert isinstance(task, GraphQLObjectType)
    assert sorted(task.fields) == sorted(explained)


def test_each_column_named_is_stored() -> None:
    named = {column for row in table(section(TEXT, "Fields")) for column in quoted(row[1])}

    assert set() == named - set(interactions.c.keys()) - {"taskline_events"}


def test_each_status_is_explained_with_what_is_stored(committed_schema: GraphQLSchema) -> None:
    status = committed_schema.get_type("TaskStatus")

    explained = {quoted(row[0])[0]: row[1].strip("`") for row in STATES}

    assert isinstance(status, GraphQLEnumType)
    assert list(status.values) == list(explained)
    stored = {member.name: member.value for member in TaskStatus if member is not TaskStatus.UNKNOWN}
    assert stored == {name: word for name, word in explained.items() if name != "UNKNOWN"}


def test_the_open_statuses_are_those_of_the_schema(committed_schema: GraphQLSchema) -> None:
    status = committed_schema.get_type("TaskStatus")

    open_ones = {quoted(row[0])[0] for row in STATES if row[2] == "yes"}

    assert isinstance(status, GraphQLEnumType)
    assert {name for name, value in status.values.items() if (value.description or "").startswith("Open")} == open_ones
