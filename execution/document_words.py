"""What a document that breaks a rule is told: for each rule of graphql-core the words, made of the nodes at fault."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import cast

from graphql import (
    FieldNode,
    GraphQLField,
    InlineFragmentNode,
    NamedTypeNode,
    NameNode,
    Node,
    NoSchemaIntrospectionCustomRule,
    OperationDefinitionNode,
    SelectionSetNode,
    ValidationContext,
    VariableDefinitionNode,
    VariableNode,
    get_named_type,
    is_input_object_type,
    is_union_type,
    print_ast,
    validation,
)

from execution.mistakes import did_you_mean, quoted

Words = Callable[[Sequence[Node], ValidationContext], str]

LOOK = "Take one that the schema has."


def _twice(what: str, next_step: str, nodes: Sequence[Node], _: ValidationContext) -> str:
    """Tell of two things with one name."""
    return f"{what} {quoted(_name(nodes[0]))} is there more than once. {next_step}"


def _constant(words: str, _: Sequence[Node], __: ValidationContext) -> str:
    return words


def _in_parts(_: Sequence[Node], __: ValidationContext) -> str:
    return "An answer comes in one piece. Take @defer and @stream out."


def _unknown_type(nodes: Sequence[Node], context: ValidationContext) -> str:
    name = _name(nodes[0])
    hint = did_you_mean(name, context.schema.type_map, otherwise=LOOK, is_hidden=context.hide_suggestions)
    return f"There is no type {quoted(name)}. {hint}"


def _fragment_on_leaf(nodes: Sequence[Node], _: ValidationContext) -> str:
    return f"A fragment can't be on {quoted(_name(nodes[0]))}: it has no fields. Give a type that has some."


def _variable_of_output(nodes: Sequence[Node], _: ValidationContext) -> str:
    return f"A variable can't be a {print_ast(nodes[0])}. Declare it as a scalar, an enum or an input."


def _leaf(nodes: Sequence[Node], context: ValidationContext) -> str:
    if isinstance(nodes[0], SelectionSetNode):
        leaf = _field_name(context.get_field_def(), context)
        return f"{leaf} has no fields to select. Take the braces after it out."
    name = _name(nodes[0])
    return f"{name} has fields, and none is selected. Say which: {name} {{ … }}."


def _unknown_field(nodes: Sequence[Node], context: ValidationContext) -> str:
    name, parent = _name(nodes[0]), context.get_parent_type()
    fields = getattr(parent, "fields", {})  # a union has none
    otherwise = f"Ask for it in a fragment: … on A_TYPE {{ {name} }}." if is_union_type(parent) else LOOK
    hint = did_you_mean(name, fields, otherwise=otherwise, is_hidden=context.hide_suggestions)
    if context.hide_suggestions:
        return f"There is no field {quoted(name)} here. {hint}"
    return f"{parent} has no field {quoted(name)}. {hint}"


def _unknown_fragment(nodes: Sequence[Node], _: ValidationContext) -> str:
    return f"There is no fragment {quoted(_name(nodes[0]))}. Define it in the same document, or correct its name."


def _unused_fragment(nodes: Sequence[Node], _: ValidationContext) -> str:
    return f"Fragment {quoted(_name(nodes[0]))} is never used. Use it, or take it out."


def _impossible_fragment(nodes: Sequence[Node], context: ValidationContext) -> str:
    node, parent = nodes[0], "what it is in" if context.hide_suggestions else f"a {context.get_parent_type()}"
    if not isinstance(node, InlineFragmentNode):
        return f"Fragment {quoted(_name(node))} can't be here: nothing is of its type and {parent}. Take it out."
    on = _name(cast("NamedTypeNode", node.type_condition))
    return f"A fragment on {on} can't be here: nothing is a {on} and {parent} at once. Take it out."


def _fragment_circle(nodes: Sequence[Node], _: ValidationContext) -> str:
    return f"Fragment {quoted(_name(nodes[0]))} contains itself. Take it out there."


def _undeclared_variable(nodes: Sequence[Node], _: ValidationContext) -> str:
    return f"${_name(nodes[0])} isn't declared. Declare it with its type after the operation's name."


def _unused_variable(nodes: Sequence[Node], _: ValidationContext) -> str:
    name = _name(cast("VariableDefinitionNode", nodes[0]).variable)
    return f"${name} is declared and never used. Use it, or take it out."


def _directive(nodes: Sequence[Node], context: ValidationContext) -> str:
    name = _name(nodes[0])
    known = {directive.name for directive in context.schema.directives}
    if name in known:
        return f"@{name} can't stand here. Take it out."
    hint = did_you_mean(name, known, otherwise="Take it out.", is_hidden=context.hide_suggestions)
    return f"There is no directive @{name}. {hint}"


def _unknown_argument(nodes: Sequence[Node], context: ValidationContext) -> str:
    name = _name(nodes[0])
    directive, field = context.get_directive(), context.get_field_def()
    args = directive.args if directive else field.args if field else {}
    hint = did_you_mean(name, args, otherwise="Take it out.", is_hidden=context.hide_suggestions)
    of = f"@{directive.name}" if directive else _field_name(field, context)
    return f"{of} has no argument {quoted(name)}. {hint}"


def _misplaced_variable(nodes: Sequence[Node], context: ValidationContext) -> str:
    declared, used = cast("tuple[VariableDefinitionNode, VariableNode]", (nodes[0], nodes[1]))
    told = f"${_name(declared.variable)} is declared as {print_ast(declared.type)}"
    if context.hide_suggestions:
        return f"{told}, which doesn't fit where it is used. Declare it as what the schema has there."
    operations = [node for node in context.document.definitions if isinstance(node, OperationDefinitionNode)]
    usage = next(
        usage
        for operation in operations
        for usage in context.get_recursive_variable_usages(operation)
        if usage.node is used
    )
    parent = get_named_type(usage.parent_type)
    is_choice = is_input_object_type(parent) and parent.is_one_of
    wanted = f"{usage.type}!" if is_choice else usage.type
    return f"{told}, and used where {wanted} is wanted. Declare it as {wanted}."


def _conflict(nodes: Sequence[Node], _: ValidationContext) -> str:
    fields = [node for node in nodes if isinstance(node, FieldNode)]
    answered = fields[0].alias or fields[0].name
    names = list(dict.fromkeys(_name(field) for field in fields))
    what = "with different arguments or contents" if len(names) == 1 else f"as {' and as '.join(names[:2])}"
    return f"{quoted(answered.value)} is asked for twice, {what}. Give each an alias of its own."


WORDS: Mapping[type[validation.ASTValidationRule], Words] = {
    validation.ExecutableDefinitionsRule: partial(
        _constant, "The document defines a part of a schema. Send operations and fragments alone."
    ),
    validation.KnownOperationTypesRule: partial(_constant, "There are no such operations here. Take this one out."),
    validation.UniqueOperationNamesRule: partial(_twice, "An operation", "Give each a name of its own."),
    validation.LoneAnonymousOperationRule: partial(
        _constant, "An operation has no name, and isn't the only one. Give each a name of its own."
    ),
    validation.SingleFieldSubscriptionsRule: partial(
        _constant,
        "A subscription follows one field, not of introspection, and without @skip or @include. Send one for each.",
    ),
    validation.KnownTypeNamesRule: _unknown_type,
    validation.FragmentsOnCompositeTypesRule: _fragment_on_leaf,
    validation.VariablesAreInputTypesRule: _variable_of_output,
    validation.ScalarLeafsRule: _leaf,
    validation.FieldsOnCorrectTypeRule: _unknown_field,
    validation.UniqueFragmentNamesRule: partial(_twice, "A fragment", "Give each a name of its own."),
    validation.KnownFragmentNamesRule: _unknown_fragment,
    validation.NoUnusedFragmentsRule: _unused_fragment,
    validation.PossibleFragmentSpreadsRule: _impossible_fragment,
    validation.NoFragmentCyclesRule: _fragment_circle,
    validation.UniqueVariableNamesRule: partial(_twice, "The variable", "Declare it once."),
    validation.NoUndefinedVariablesRule: _undeclared_variable,
    validation.NoUnusedVariablesRule: _unused_variable,
    validation.KnownDirectivesRule: _directive,
    validation.UniqueDirectivesPerLocationRule: partial(_twice, "The directive", "Keep one of them."),
    validation.DeferStreamDirectiveOnRootField: _in_parts,
    validation.DeferStreamDirectiveOnValidOperationsRule: _in_parts,
    validation.DeferStreamDirectiveLabel: _in_parts,
    validation.StreamDirectiveOnListField: _in_parts,
    validation.KnownArgumentNamesRule: _unknown_argument,
    validation.UniqueArgumentNamesRule: partial(_twice, "The argument", "Give it once."),
    validation.VariablesInAllowedPositionRule: _misplaced_variable,
    validation.OverlappingFieldsCanBeMergedRule: _conflict,
    validation.UniqueInputFieldNamesRule: partial(_twice, "The field", "Give it once."),
    validation.MaxIntrospectionDepthRule: partial(
        _constant, "Lists of introspection are nested too deep. Ask for fewer levels."
    ),
    NoSchemaIntrospectionCustomRule: partial(
        _constant, "Introspection is switched off here. Ask whoever runs this service for the schema."
    ),
}


def _name(node: Node) -> str:
    """Return a node's name; a name is its own."""
    return cast("NameNode", getattr(node, "name", node)).value


def _field_name(field: GraphQLField | None, context: ValidationContext) -> str:
    """Return what the field is called where the walk is; the fields of introspection are listed nowhere."""
    fields = getattr(context.get_parent_type(), "fields", {})
    return next((name for name, known in fields.items() if known is field), "This field")
