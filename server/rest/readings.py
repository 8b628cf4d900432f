"""Reading a request: parameters, body and precondition, each refused by name when it is wrong."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, TypeVar

from pydantic import ValidationError

from errors import BadFields, BadUserInput, LimitExceeded, TasklineError
from server import operations as requests
from server.rest.inputs import Input, Nothing
from server.rest.values import OWN

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic_core import ErrorDetails
    from starlette.requests import Request

    from server.rest.operations import AnyOperation

Model = TypeVar("Model", bound=Input)

# RFC 9110, section 8.8.3: a strong entity tag. Weak ones never match here (section 13.1.1).
_ENTITY_TAG = re.compile(r'"([\x21\x23-\x7e\x80-\xff]*)"')

# pydantic's names of what can be wrong, and what to do about it, in our words.
_ADVICE: Mapping[str, str] = {
    "missing": "Give it.",
    "literal_error": "Give {expected}.",
    "greater_than_equal": "Give at least {ge:,}.",
    "less_than_equal": "Give at most {le:,}.",
    "int_parsing": "Give a whole number.",
    "int_parsing_size": "Give a whole number.",
    "int_from_float": "Give a whole number.",
    "int_type": "Give a whole number.",
    "bool_parsing": "Give true or false.",
    "bool_type": "Give true or false.",
    "string_type": "Give a text.",
    "list_type": "Give a list.",
    "too_short": "List at least {min_length}.",
    "too_long": "List at most {max_length:,}.",
}
_LIMITS = {"less_than_equal", "too_long"}


def parameters_of(request: Request, operation: AnyOperation) -> Input:
    """Return the parameters of the path and the query string. Raises BadFields."""
    model: type[Input] = operation.parameters
    names = model.model_fields
    given = request.query_params.multi_items()
    repeated = sorted({name for name, _ in given if name in names and [n for n, _ in given].count(name) > 1})
    if repeated:
        raise BadUserInput(f"{repeated[0]} is given more than once. Give it once.")
    values = {name: value for name, value in given if value != ""} | dict(request.path_params)
    return validated(model, values)


async def body_of(request: Request, operation: AnyOperation, max_bytes: int, read_timeout_ms: int) -> Input:
    """Return the body; an absent one is as good as an empty object.

    Raises BadFields, MediaTypeUnsupported, BodyTooLarge, BodyTooSlow, BadUserInput.
    """
    model: type[Input] = operation.body
    if model is Nothing:
        return Nothing()
    text = await requests.body_within(request, max_bytes, read_timeout_ms)
    if not text:
        return validated(model, {})
    requests.require_json(request)
    found = requests.parsed_json(text, "body")
    if not isinstance(found, dict):
        raise BadUserInput("The body is no JSON object. Send one: {…}.")
    return validated(model, found)


def expected_version_of(request: Request) -> str | None:
    """Return the version that If-Match names; None for `*` and without it: any will do. Raises BadUserInput."""
    given = request.headers.get("if-match", "*").strip()
    if given == "*":
        return None
    tag = _ENTITY_TAG.fullmatch(given)
    if tag is None:
        raise BadUserInput(
            f"If-Match is {given[:40]}. Send the ETag of one answer as it is, with its quotation marks, or *."
        )
    return tag[1]


def idempotency_key_of(request: Request) -> str | None:
    """Return the caller's key for what it means to do, without the quotation marks that it may have; None for none."""
    given = request.headers.get("idempotency-key")
    quoted = given and re.fullmatch(r'"([^"\\]*)"', given)
    return quoted[1] if quoted else given


def validated(model: type[Model], values: Mapping[str, object]) -> Model:
    """Return the values as the model has them. Raises BadFields with each that is wrong."""
    try:
        return model.model_validate(dict(values))
    except ValidationError as exc:
        raise BadFields(*(_fault(error) for error in exc.errors(include_url=False))) from None


def _fault(error: ErrorDetails) -> tuple[TasklineError, str]:
    field = ".".join(str(part) for part in error["loc"])
    if error["type"] == "missing":
        return BadUserInput(f"{field} is missing. Give it."), field
    advice = error["msg"] if error["type"] == OWN else _ADVICE.get(error["type"], "Correct it.")
    if error["type"] != OWN:
        advice = advice.format(**error.get("ctx", {}))
    kind = LimitExceeded if error["type"] in _LIMITS else BadUserInput
    return kind(f"{field} is {_shown(error['input'])}. {advice}"), field


def _shown(value: object) -> str:
    """Show a value that was sent, no longer than anybody reads."""
    match value:
        case str():
            return f"“{value[:40]}”" if len(value) <= 40 else f"“{value[:40]}…”"
        case None | bool():
            return {None: "null", True: "true", False: "false"}[value]
        case int() | float():
            return str(value)[:40]
    return "a list" if isinstance(value, list) else "an object"
