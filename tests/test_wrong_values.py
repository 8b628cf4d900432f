"""Values that don't fit: given to every argument of every field, they are told in words of ours, with where and why."""

import re
from collections.abc import Sequence

import pytest
from graphql import GraphQLError, ValuesOfCorrectTypeRule, get_operation_ast, get_variable_values, parse, validate

from errors import BadUserInput
from execution.document_rules import OURS
from execution.misfits import MOST_MISFITS, misfits_of_variables
from schema.build import build_schema
from tests.apis import api
from tests.wrong_values import Spot, in_json, literal, places, spots

SCHEMA = build_schema()._schema
SPOTS = list(spots(list(places(SCHEMA))))


def names(spot: Spot) -> str:
    return ".".join([spot.place.field, spot.place.argument, *(name for name, _ in spot.inside)])


def check(errors: Sequence[GraphQLError], where: str) -> None:
    """Fail unless each error tells where, what and what to do, in our words, with its code and its place."""
    for error in errors:
        assert isinstance(error.original_error, BadUserInput)
        assert error.locations
        assert re.fullmatch(rf"{re.escape(where)}\S*( |: ).*[.:] .*[.?]", error.message), error.message
        assert not re.search(r"Expected|cannot|[a-z]'[A-Z]|\b(None|True|dict)\b", error.message), error.message
        assert len(error.message) < 300


@pytest.mark.parametrize("spot", SPOTS, ids=names)
def test_a_value_in_a_document_that_doesnt_fit_is_told_in_our_words(spot: Spot) -> None:
    refused = 0
    for value in spot.values():
        document = parse(spot.place.document(literal(value)))
        core = validate(SCHEMA, document, [ValuesOfCorrectTypeRule])

        ours = validate(SCHEMA, document, [OURS[ValuesOfCorrectTypeRule]])

        assert bool(core) == bool(ours), (literal(value), core, ours)
        check(ours, spot.place.argument)
        refused += bool(ours)
    assert refused > 5


@pytest.mark.parametrize("spot", SPOTS, ids=names)
def test_a_variable_that_doesnt_fit_is_told_in_our_words(spot: Spot) -> None:
    operation = get_operation_ast(parse(spot.place.document("$given", f"($given: {spot.place.type})")))
    assert operation
    refused = 0
    for value in spot.values():
        given = {"given": in_json(value)}
        core = get_variable_values(SCHEMA, operation.variable_definitions or (), given)

        ours = misfits_of_variables(SCHEMA, operation, given, is_hidden=False)

        assert isinstance(core, list) == bool(ours), (given, core, ours)
        check(ours, "$given")
        refused += bool(ours)
    assert refused > 5


@pytest.mark.parametrize("type_", ["ID!", "[ID!]!", "TaskFilter!", "RecordRef!"])
def test_a_variable_that_is_missing_is_told_with_what_it_takes(type_: str) -> None:
    operation = get_operation_ast(parse(f"query ($given: {type_}) {{ viewer {{ role }} }}"))
    assert operation

    (error,) = misfits_of_variables(SCHEMA, operation, {}, is_hidden=False)

    assert error.message.startswith("$given is missing. Give an ")


def test_only_so_many_misfits_are_told() -> None:
    operation = get_operation_ast(parse("query ($ids: [ID!]!, $more: [ID!]!) { nodes(ids: $ids) { id } }"))
    assert operation
    values = {"ids": [None] * 10_000, "more": [None] * 10_000}

    assert MOST_MISFITS == len(misfits_of_variables(SCHEMA, operation, values, is_hidden=False))


@pytest.mark.parametrize(
    ("is_introspection_on", "document", "message"),
    [
        (True, "{ searchRecords(search: 5, kinds: LEADS) { id } }", "kinds is LEADS. Give LEAD, CONTACT or ACCOUNT."),
        (False, "{ searchRecords(search: 5, kinds: LEADS) { id } }", "kinds is LEADS. Give a value of its type."),
        (True, "{ viewer { rol } }", "Viewer has no field “rol”. Did you mean role?"),
        (False, "{ viewer { rol } }", "There is no field “rol” here. Take one that the schema has."),
        (True, "{ timeline(record: {}) { totalCount } }", "Give exactly one of leadId, contactId or accountId."),
        (False, "{ timeline(record: {}) { totalCount } }", "Give exactly one of them."),
    ],
)
def test_what_the_schema_has_is_suggested_where_introspection_is_on(
    document: str,
    message: str,
    is_introspection_on: bool,
) -> None:
    with api(is_introspection_on=is_introspection_on) as served:
        errors = served.ask(document).json()["errors"]

    assert errors[-1]["message"].endswith(message)
    assert {"BAD_USER_INPUT"} == {error["extensions"]["code"] for error in errors}
