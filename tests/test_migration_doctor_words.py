"""The doctor may not import the API, so it knows its words and columns by heart: they are the API's."""

import re
from enum import Enum

import pytest
from sqlalchemy.dialects.postgresql import TIMESTAMP

from db.tables import METADATA
from migrations.doctor.diagnoses import CATALOGUE
from migrations.doctor.reference_checks import JOINS
from migrations.doctor.value_checks import INSTANTS, PRIORITIES, STATUSES, TYPES
from schema.interactions import InteractionKind
from schema.tasks import TaskPriority, TaskStatus

# What migrations bring is looked for there.
PLACE = ("lead_interactions", "occurs_at")
BROUGHT = {
    ("lead_interactions", column)
    for column in ("contact_id", "account_id", "occurs_at", "deleted_at", "deleted_by", "status_before_deletion")
}
# The API alone sets them: to the time of the day, and to whoever acts, whose name the log keeps longer than the users.
DELETED_AT, DELETED_BY = ("lead_interactions", "deleted_at"), ("lead_interactions", "deleted_by")
COLUMNS = {(table.name, column.name) for table in METADATA.sorted_tables for column in table.columns}


@pytest.mark.parametrize(
    ("known", "words", "other"),
    [
        (STATUSES, TaskStatus, "unknown"),
        (PRIORITIES, TaskPriority, "unknown"),
        (TYPES, InteractionKind, "other"),
    ],
)
def test_it_knows_the_words_of_the_api(known: tuple[str, ...], words: type[Enum], other: str) -> None:
    assert {word.value for word in words} - {other} == set(known)


def test_it_knows_the_columns_that_the_api_asks_for() -> None:
    (asked,) = re.findall(r"asked AS \(.*?\n\), ", CATALOGUE.read_text(encoding="utf-8"), re.DOTALL)
    tables = re.findall(r"\('(\w+)', ((?:'[^']*'\s*)+)\)", asked)

    known = {(table, column) for table, columns in tables for column in re.findall(r"\w+", columns)}

    assert COLUMNS - BROUGHT == known


def test_it_knows_the_instants_that_the_api_shows() -> None:
    shown = {
        (table.name, column.name)
        for table in METADATA.sorted_tables
        for column in table.columns
        if isinstance(column.type, TIMESTAMP)
    }

    # that place is one of the other instants, or wrong, which is looked for as well
    assert shown - {PLACE, DELETED_AT} <= {(table, column) for table, columns in INSTANTS.items() for column in columns}


def test_it_follows_each_reference_of_the_api() -> None:
    references = {(table, column) for table, column in COLUMNS if re.search("_(id|by|to)$", column)}

    assert references - {DELETED_BY} <= {
        (table, key.removeprefix("t.")) for table, joins in JOINS.items() for _, key in joins.values()
    }
