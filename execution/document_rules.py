"""Validating a document: graphql-core's rules find what is wrong with it, and tell it in words of ours.

One rule has a bound of ours. Two are ours as a whole, because what they have to tell isn't in the nodes at fault: which
arguments are missing, and what in a value doesn't fit.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, cast

from graphql import (
    ArgumentNode,
    GraphQLError,
    NonNullTypeNode,
    NoSchemaIntrospectionCustomRule,
    ValidationContext,
    ValidationRule,
    ValueNode,
    is_input_object_type,
    is_input_type,
    is_non_null_type,
    is_required_argument,
    specified_rules,
    type_from_ast,
    validate,
)
from graphql.validation import (
    ASTValidationRule,
    OverlappingFieldsCanBeMergedRule,
    ProvidedRequiredArgumentsRule,
    ValuesOfCorrectTypeRule,
    VariablesInAllowedPositionRule,
)
from graphql.validation.validate import ValidationAbortedError

from errors import LimitExceeded
from execution.document_words import WORDS
from execution.misfits import Misfits
from execution.mistakes import mistake

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from graphql import (
        DirectiveNode,
        DocumentNode,
        FieldNode,
        GraphQLArgument,
        GraphQLInputType,
        GraphQLSchema,
        OperationDefinitionNode,
        VariableDefinitionNode,
        Visitor,
    )

    from execution.document_words import Words

    Rule = Callable[[ValidationContext], Visitor]

MOST_MISTAKES = 100
"""Of one document: whoever has that many mends the first ones, and asks again."""
MOST_COMPARISONS = 15_000
"""Of fields that may have one name in the answer, of their arguments and types, as graphql-core counts them.

It compares each such field with each other, 0.2 to 2.5 µs a time. A page's largest document needs 80; 50 times the same
connection at one place, or 30 fragments with the same five fields, need 15,000.
"""


@dataclass(frozen=True, slots=True)
class Effort:
    """How long mistakes are looked for."""

    mistakes: int
    comparisons: int


WHOLE = Effort(MOST_MISTAKES, MOST_COMPARISONS)
QUICK = Effort(10, 2_000)
"""Enough for what people write; with reading it, 20 ms at worst for a document of 2,000 characters."""


class Unfinished(Exception):
    """More would have to be done to know all mistakes than was to be."""


def mistakes_of(
    schema: GraphQLSchema,
    document: DocumentNode,
    *,
    is_schema_hidden: bool = False,
    are_names_hidden: bool = False,
    effort: Effort = WHOLE,
) -> list[GraphQLError]:
    """Return what makes the document invalid, introspection of a hidden schema too.

    Where names are hidden, none is told that the document doesn't have.

    Raises LimitExceeded for a document that takes too many comparisons, and Unfinished when a lesser effort ends first.
    """
    ours: dict[type[ASTValidationRule], Rule] = {
        **OURS,
        OverlappingFieldsCanBeMergedRule: partial(_Overlaps, effort.comparisons),
    }
    rules: list[Rule] = [ours.get(rule) or _told(rule, WORDS[rule]) for rule in specified_rules]
    rules.append(_told(_ChosenVariables, WORDS[VariablesInAllowedPositionRule]))
    if is_schema_hidden:
        rules.append(_told(NoSchemaIntrospectionCustomRule, WORDS[NoSchemaIntrospectionCustomRule]))
    made: list[Visitor] = []
    # What makes a visitor is all that a rule is called for.
    visitors = cast("list[type[ASTValidationRule]]", [_noted(rule, made) for rule in rules])
    found = validate(schema, document, visitors, max_errors=effort.mistakes, hide_suggestions=are_names_hidden)
    for visitor in made:  # each holds itself, and the document with it, until Python's garbage collector comes
        vars(visitor).clear()
    if found and isinstance(found[-1], ValidationAbortedError):
        if effort != WHOLE:
            raise Unfinished
        found[-1] = _end(len(found))
    return found


def _noted(rule: Rule, made: list[Visitor]) -> Rule:
    """Return the rule, whose visitor is noted."""

    def make(context: ValidationContext) -> Visitor:
        made.append(rule(context))
        return made[-1]

    return make


def _end(count: int) -> GraphQLError:
    """Return the last mistake of a document in which no more were looked for."""
    if count > MOST_MISTAKES:
        return mistake(f"The document has more than {MOST_MISTAKES} mistakes. Correct these first.", [])
    raise LimitExceeded(
        f"The document repeats fields or fragments too often: it takes more than the {MOST_COMPARISONS:,} comparisons"
        " allowed. Write each once."
    )


class _Reporter:
    """The context of one rule: it is that of all rules, but for what becomes of an error."""

    def __init__(self, context: ValidationContext, words: Words) -> None:
        self._context = context
        self._words = words

    def __getattr__(self, name: str) -> object:
        return getattr(self._context, name)

    def report_error(self, error: GraphQLError) -> None:
        """Report what is wrong at the same place, in our words."""
        nodes = error.nodes or []
        self._context.report_error(mistake(self._words(nodes, self._context), nodes))


def _told(rule: type[ASTValidationRule], words: Words) -> Callable[[ValidationContext], Visitor]:
    """Return the rule with these words."""
    return lambda context: rule(cast("ValidationContext", _Reporter(context, words)))


class _Values(ValidationRule):
    """Every value fits where it is given."""

    def enter_argument(self, node: ArgumentNode, *_: object) -> None:
        """Check the value of an argument."""
        if argument := self.context.get_argument():
            self._check(node.value, argument.type, node.name.value)

    def enter_variable_definition(self, node: VariableDefinitionNode, *_: object) -> None:
        """Check a variable's default."""
        expected = type_from_ast(self.context.schema, node.type)
        if node.default_value and is_input_type(expected):
            self._check(node.default_value, expected, f"${node.variable.name.value}")

    def _check(self, value: ValueNode, expected: GraphQLInputType, where: str) -> None:
        for words, node in Misfits(is_hidden=self.context.hide_suggestions).among(value, expected, where):
            self.report_error(mistake(words, [cast("ValueNode", node)]))


class _Overlaps(OverlappingFieldsCanBeMergedRule):
    """Fields with one name in the answer are the same, as far as that can be found with so many comparisons."""

    def __init__(self, most_comparisons: int, context: ValidationContext) -> None:
        words = WORDS[OverlappingFieldsCanBeMergedRule]
        super().__init__(cast("ValidationContext", _Reporter(context, words)))
        self.rule_context.remaining_complexity_budget = most_comparisons


class _RequiredArguments(ValidationRule):
    """Every argument is given that has to be."""

    def leave_field(self, node: FieldNode, *_: object) -> None:
        """Check the arguments of a field, when those that are given have been."""
        if field := self.context.get_field_def():
            self._check(node, node.name.value, field.args)

    def leave_directive(self, node: DirectiveNode, *_: object) -> None:
        """Check the arguments of a directive."""
        if directive := self.context.schema.get_directive(node.name.value):
            self._check(node, f"@{directive.name}", directive.args)

    def _check(self, node: FieldNode | DirectiveNode, of: str, known: Mapping[str, GraphQLArgument]) -> None:
        given = {argument.name.value for argument in node.arguments or ()}
        missing = {name: known[name] for name in known if name not in given and is_required_argument(known[name])}
        if missing and self.context.hide_suggestions:
            self.report_error(mistake(f"{of} needs other arguments too. Give all that the schema wants.", [node]))
            return
        for name, argument in missing.items():
            wanted = Misfits(is_hidden=False).wanted(argument.type)
            self.report_error(mistake(f"{of} needs the argument {name}. Give {wanted}.", [node]))


class _ChosenVariables(ValidationRule):
    """A variable that is the one field of a choice can't be null: graphql-core misses that in a required input."""

    def leave_operation_definition(self, operation: OperationDefinitionNode, *_: object) -> None:
        """Check the variables that an operation uses."""
        declared = {node.variable.name.value: node for node in operation.variable_definitions or ()}
        for usage in self.context.get_recursive_variable_usages(operation):
            parent, node = usage.parent_type, declared.get(usage.node.name.value)
            is_chosen = is_non_null_type(parent) and is_input_object_type(parent.of_type) and parent.of_type.is_one_of
            if node and is_chosen and not isinstance(node.type, NonNullTypeNode):
                self.report_error(GraphQLError("", [node, usage.node]))


OURS: Mapping[type[ASTValidationRule], type[ValidationRule]] = {
    ValuesOfCorrectTypeRule: _Values,
    ProvidedRequiredArgumentsRule: _RequiredArguments,
}
