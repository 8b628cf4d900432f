"""Documents that can't be read or aren't valid: each rule of GraphQL is told in words of ours, with its place."""

import re

import pytest
from graphql import GraphQLError, NoSchemaIntrospectionCustomRule, parse, specified_rules, validate

from errors import BadUserInput, LimitExceeded
from execution.document_rules import MOST_MISTAKES, OURS, mistakes_of
from execution.document_words import WORDS
from execution.documents import Documents
from execution.guards import LARGE
from execution.limits import Limits
from schema.build import build_schema
from tests.apis import api

SCHEMA = build_schema()._schema

INVALID = {
    "ExecutableDefinitionsRule": ("type A { b: ID } { viewer { role } }", "The document defines a part of a schema."),
    "UniqueOperationNamesRule": (
        "query A { viewer { role } } query A { viewer { role } }",
        "An operation “A” is there more than once.",
    ),
    "LoneAnonymousOperationRule": ("{ viewer { role } } query A { viewer { role } }", "An operation has no name"),
    "SingleFieldSubscriptionsRule": (
        "subscription { taskEvents { cursor } b: taskEvents { cursor } }",
        "A subscription follows one field",
    ),
    "KnownTypeNamesRule": ("{ viewer { ... on Viewr { role } } }", "There is no type “Viewr”. Did you mean Viewer"),
    "FragmentsOnCompositeTypesRule": ("{ viewer { ... on ID { role } } }", "A fragment can't be on “ID”"),
    "VariablesAreInputTypesRule": (
        "query ($a: [Task]) { viewer { role @skip(if: $a) } }",
        "A variable can't be a [Task].",
    ),
    "ScalarLeafsRule": ("{ viewer { role { a } } }", "role has no fields to select."),
    "FieldsOnCorrectTypeRule": ("{ viewer { roles } }", "Viewer has no field “roles”. Did you mean role?"),
    "UniqueFragmentNamesRule": (
        "{ viewer { ...A } } fragment A on Viewer { role } fragment A on Viewer { role }",
        "A fragment “A” is there more than once.",
    ),
    "KnownFragmentNamesRule": ("{ viewer { ...A } }", "There is no fragment “A”."),
    "NoUnusedFragmentsRule": ("{ viewer { role } } fragment A on Viewer { role }", "Fragment “A” is never used."),
    "PossibleFragmentSpreadsRule": (
        "{ viewer { ... on Task { id } } }",
        "A fragment on Task can't be here: nothing is a Task and a Viewer at once.",
    ),
    "NoFragmentCyclesRule": (
        "{ viewer { ...A } } fragment A on Viewer { ...B } fragment B on Viewer { ...A }",
        "contains itself.",
    ),
    "UniqueVariableNamesRule": (
        "query ($a: Int, $a: Int) { tasks(first: $a) { totalCount } }",
        "The variable “a” is there more than once.",
    ),
    "NoUndefinedVariablesRule": ("{ tasks(first: $a) { totalCount } }", "$a isn't declared."),
    "NoUnusedVariablesRule": ("query ($a: Int) { viewer { role } }", "$a is declared and never used."),
    "KnownDirectivesRule": ("{ viewer @skp { role } }", "There is no directive @skp. Did you mean skip?"),
    "UniqueDirectivesPerLocationRule": (
        "{ viewer @skip(if: true) @skip(if: true) { role } }",
        "The directive “skip” is there more than once.",
    ),
    "KnownArgumentNamesRule": (
        "{ tasks(frist: 1) { totalCount } }",
        "tasks has no argument “frist”. Did you mean first or last?",
    ),
    "UniqueArgumentNamesRule": ("{ tasks(first: 1, first: 1) { totalCount } }", "The argument “first” is there"),
    "ValuesOfCorrectTypeRule": ("{ tasks(first: A) { totalCount } }", "first is A. Give a whole number"),
    "ProvidedRequiredArgumentsRule": ("{ task { id } }", "task needs the argument id. Give an identifier"),
    "VariablesInAllowedPositionRule": (
        "query ($a: Int) { task(id: $a) { id } }",
        "$a is declared as Int, and used where ID! is wanted. Declare it as ID!.",
    ),
    "a variable of a choice": (
        "query ($a: ID) { timeline(record: {leadId: $a}) { totalCount } }",
        "$a is declared as ID, and used where ID! is wanted.",
    ),
    "OverlappingFieldsCanBeMergedRule": (
        "{ a: viewer { role } a: taskStats { open } }",
        "“a” is asked for twice, as viewer and as taskStats.",
    ),
    "other arguments": (
        "{ tasks(first: 1) { totalCount } tasks(first: 2) { totalCount } }",
        "“tasks” is asked for twice, with different arguments or contents.",
    ),
    "UniqueInputFieldNamesRule": (
        "{ tasks(filter: {orphan: true, orphan: true}) { totalCount } }",
        "The field “orphan” is there more than once.",
    ),
    "MaxIntrospectionDepthRule": (
        "{ __schema { types { fields { type { fields { type { fields { type { fields { name } } } } } } } } } }",
        "Lists of introspection are nested too deep.",
    ),
    "another place": ("query @skip(if: true) { viewer { role } }", "@skip can't stand here."),
    "no selection": ("{ viewer }", "viewer has fields, and none is selected. Say which: viewer { … }."),
    "a spread": (
        "{ viewer { ...A } } fragment A on Task { id }",
        "Fragment “A” can't be here: nothing is of its type and a Viewer.",
    ),
    "an argument of a directive": ("{ viewer @skip(iff: true) { role } }", "@skip has no argument “iff”."),
    "a field of introspection": ("{ __type(nam: 1) { name } }", "This field has no argument “nam”."),
}
# These need @defer and @stream, and operations that the schema hasn't.
UNSEEN = {
    "DeferStreamDirectiveOnRootField",
    "DeferStreamDirectiveOnValidOperationsRule",
    "DeferStreamDirectiveLabel",
    "StreamDirectiveOnListField",
    "KnownOperationTypesRule",
}


def check(errors: list[GraphQLError]) -> None:
    for error in errors:
        assert isinstance(error.original_error, BadUserInput)
        assert error.locations
        assert error.message.endswith((".", "?"))
        assert not re.search(r"(?<!\w)'\w|Syntax|Cannot|Expected|Unexpected", error.message)


def test_each_rule_has_words() -> None:
    assert set(specified_rules) | {NoSchemaIntrospectionCustomRule} == set(WORDS) | set(OURS)
    assert {rule.__name__ for rule in specified_rules} <= set(INVALID) | UNSEEN


@pytest.mark.parametrize(("rule", "document", "message"), [(rule, *case) for rule, case in INVALID.items()])
def test_what_breaks_a_rule_is_told_in_our_words(rule: str, document: str, message: str) -> None:
    parsed = parse(document)

    errors = mistakes_of(SCHEMA, parsed, is_schema_hidden=False)

    assert message in " ".join(error.message for error in errors)
    check(errors)
    core = [of for of in specified_rules if of.__name__ == rule]
    assert all(validate(SCHEMA, parsed, [of]) for of in core)
    assert len(errors) >= len(validate(SCHEMA, parsed))


def test_only_so_many_mistakes_are_told() -> None:
    errors = mistakes_of(SCHEMA, parse("{" + " ".join(f"a{n}" for n in range(200)) + "}"), is_schema_hidden=False)

    assert MOST_MISTAKES + 1 == len(errors)
    assert "The document has more than 100 mistakes. Correct these first." == errors[-1].message


REPEATED = {
    "fields with fields": "{" + "viewer{role}" * 150 + "}",
    "unknown ones": "{" + "a{b}" * 490 + "}",
    "lists": "{" + "tasks{nodes{id}}" * 115 + "}",
    "fields within fields": "{" + "a{a{a{a{b}}}}" * 150 + "}",
    "leaves": "{viewer{" + "role " * 390 + "}}",
    "inline fragments": "{" + "...{a{b}}" * 190 + "}",
    "fragments": "{"
    + " ".join(f"...F{n}" for n in range(40))
    + "}"
    + "".join(f"fragment F{n} on Query{{a{{b}}c{{d}}e{{f}}}}" for n in range(40)),
}


@pytest.mark.parametrize("text", REPEATED.values(), ids=REPEATED)
def test_a_document_that_takes_too_many_comparisons_is_refused(text: str) -> None:
    assert len(text) < LARGE  # it is checked while everybody waits

    with pytest.raises(LimitExceeded, match="more than the 15,000 comparisons"):
        mistakes_of(SCHEMA, parse(text), is_schema_hidden=False)


@pytest.mark.parametrize("text", ["{" + "tasks{nodes{id subject}}" * 40 + "}", "{viewer{" + "role " * 80 + "}}"])
def test_what_people_repeat_is_not_refused(text: str) -> None:
    assert [] == mistakes_of(SCHEMA, parse(text), is_schema_hidden=False)


ELSE = "Write something else there, or take it out."
UNREADABLE = {
    "{": "Line 1, column 2: the document ends. Write a name there.",
    "{ a(b: 1": "Line 1, column 9: the document ends. Write a name there.",
    "# nothing": "Line 1, column 10: the document ends before it is whole. Write the rest of it.",
    "{ a } }": "Line 1, column 7: “}” can't stand here. " + ELSE,
    "{ a(b 1) }": "Line 1, column 7: “1” can't stand here. Write “:” there.",
    "\n{ a(: 1) }": "Line 2, column 5: “:” can't stand here. Write a name there.",
    "nobody": "Line 1, column 1: “nobody” can't stand here. " + ELSE,
    "fragment on on Task { id }": "Line 1, column 10: “on” can't stand here. " + ELSE,
    "fragment A in Task { id }": "Line 1, column 12: “in” can't stand here. Write “on” there.",
    "query ($a: Int = $b) { a }": "Line 1, column 19: “b” can't stand here. " + ELSE,
    '"A note" { a }': "Line 1, column 1: “A note” can't stand here. " + ELSE,
    "{ a ' }": "Line 1, column 5: “'” can't stand here. Put a text in double quotes.",
    "{ a .. }": "Line 1, column 5: “..” can't stand here. Write three points to spread a fragment.",
    "{ a % }": "Line 1, column 5: “%” can't stand here. Take it out.",
    "{ a(b: 01) }": "Line 1, column 9: “01” is no number. Write digits, and a point only between digits.",
    "{ a(b: -) }": "Line 1, column 9: “-” is no number. Write digits, and a point only between digits.",
    "{ a(b: 1.) }": "Line 1, column 10: “1.” is no number. Write digits, and a point only between digits.",
    '{ a(b: "c': "Line 1, column 10: the text in quotes doesn't end. Close it with a double quote.",
    '{ a(b: "c\n") }': "Line 1, column 10: the text in quotes doesn't end. Close it with a double quote.",
    '{ a(b: """c") }': "Line 1, column 16: the text in quotes doesn't end. Close it with a double quote.",
    r'{ a(b: "\q") }': r"Line 1, column 9: the text has an escape that there isn't. Write \\ for a backslash.",
    r'{ a(b: "\uD800") }': r"Line 1, column 9: the text has an escape that there isn't. Write \\ for a backslash.",
    '{ a(b: "\ud800") }': "Line 1, column 9: the text holds a character that can't be in one. Take it out.",
}


@pytest.mark.parametrize(("text", "message"), UNREADABLE.items(), ids=map(ascii, UNREADABLE))
def test_a_text_that_cant_be_read_is_told_where_and_why(text: str, message: str) -> None:
    with pytest.raises(GraphQLError) as caught:
        Documents(Limits()).read(text)

    assert message == caught.value.message
    check([caught.value])


def test_a_variable_that_is_null_over_its_default_is_told_in_our_words() -> None:
    query = "query ($given: Boolean = true) { viewer { role @skip(if: $given) } }"
    with api() as served:
        (error,) = served.ask(query, {"given": None}).json()["errors"]

    assert "$given is null or missing, where a value is needed. Give one." == error["message"]
    assert ("BAD_USER_INPUT", True) == (error["extensions"]["code"], bool(error["locations"]))
