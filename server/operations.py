"""Reading a GraphQL operation out of an HTTP request, strictly and within bounds."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

import orjson
from starlette.requests import ClientDisconnect

from errors import BadUserInput, BodyTooLarge, BodyTooSlow, LimitExceeded, MediaTypeUnsupported, MethodNotAllowed
from server.trusted_documents import PREFIX, hash_of

if TYPE_CHECKING:
    from starlette.requests import Request

# Far beyond any honest filter, far below the depth at which Python's own recursion ends.
MAX_NESTING = 100


@dataclass(frozen=True, slots=True)
class Operation:
    """What a client asks GraphQL to run."""

    query: str | None
    """None: the document of `document_id`, which is one of the trusted ones."""
    document_id: str | None
    """The document's SHA-256 in hexadecimal; of text that came with it, it is the hash indeed."""
    variables: dict[str, object]
    name: str | None


async def read(request: Request, max_body_bytes: int, read_timeout_ms: int) -> Operation:
    """Return the operation of a GET or POST request.

    Raises MethodNotAllowed, MediaTypeUnsupported, BodyTooLarge (before the body's rest is read), BodyTooSlow,
    BadUserInput, and LimitExceeded for values nested deeper than MAX_NESTING.
    """
    if request.method == "GET":
        return checked(_parameters_of_get(request))
    if request.method != "POST":
        raise MethodNotAllowed(f"{request.method} is not possible here. Send queries and mutations by POST.")
    require_json(request)
    return checked(parsed_json(await body_within(request, max_body_bytes, read_timeout_ms), "body"))


def require_json(request: Request) -> None:
    """Raise MediaTypeUnsupported unless the body is plain UTF-8 JSON; browsers preflight that type across origins."""
    given = request.headers.get("content-type", "")
    media_type, *parameters = [part.strip().lower() for part in given.split(";")]
    charset = next((p.partition("=")[2].strip('" ') for p in parameters if p.startswith("charset")), "utf-8")
    if media_type != "application/json" or charset not in {"utf-8", "utf8"}:
        raise MediaTypeUnsupported(
            f"The content type is {given or 'missing'}. Send JSON in UTF-8 with `Content-Type: application/json`."
        )
    encoding = request.headers.get("content-encoding", "identity")
    if encoding.lower() != "identity":
        raise MediaTypeUnsupported(f"The content encoding is {encoding}. Send the body uncompressed.")


async def body_within(request: Request, max_body_bytes: int, read_timeout_ms: int) -> bytes:
    """Return the whole body.

    Raises BodyTooLarge as soon as it is known to be longer, and the rest is never read; BodyTooSlow when it hasn't
    come in time, BadUserInput when it never will.
    """
    too_large = BodyTooLarge(f"The body is longer than {max_body_bytes:,} bytes. Send a smaller request.")
    announced = request.headers.get("content-length", "")
    # A number this long can't be compared cheaply, and is too large anyway.
    if announced.isdecimal() and (len(announced) > 18 or int(announced) > max_body_bytes):
        raise too_large
    body = bytearray()
    try:
        async with asyncio.timeout(read_timeout_ms / 1_000):
            async for chunk in request.stream():
                body += chunk
                if len(body) > max_body_bytes:
                    raise too_large
    except TimeoutError as exc:
        raise BodyTooSlow(
            f"The body did not come within {read_timeout_ms:,} ms: {len(body):,} bytes are here. Send it in one go."
        ) from exc
    except ClientDisconnect as exc:
        raise BadUserInput("The body ended early. Send it whole.") from exc
    return bytes(body)


def parsed_json(text: bytes | str, what: str) -> object:
    """Return what the JSON text holds. Raises BadUserInput; numbers that no double can hold are refused too."""
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as exc:
        raise BadUserInput(
            f"The {what} is not valid JSON in UTF-8: look at line {exc.lineno}, column {exc.colno}."
        ) from exc


def _parameters_of_get(request: Request) -> dict[str, object]:
    parameters: dict[str, object] = dict(request.query_params)
    for name in ("variables", "extensions"):
        value = parameters.get(name)
        if isinstance(value, str):
            parameters[name] = parsed_json(value, f"`{name}` parameter") if value else None
    return parameters


def checked(parameters: object) -> Operation:
    """Return the operation that parsed JSON holds. Raises BadUserInput, and LimitExceeded for deep nesting."""
    if not isinstance(parameters, dict):
        raise BadUserInput(f'The body is {_kind(parameters)}. Send one object: {{"query": "…", "variables": {{…}}}}.')
    name = parameters.get("operationName")
    if not isinstance(name, str | None):
        raise BadUserInput(f"`operationName` is {_kind(name)}. Send a string, or leave it out.")
    variables, extensions = parameters.get("variables"), parameters.get("extensions")
    for label, value in (("variables", variables), ("extensions", extensions)):
        if not isinstance(value, dict | None):
            raise BadUserInput(f"`{label}` is {_kind(value)}. Send an object, or leave it out.")
    document_id = _document_id(parameters.get("documentId"), (extensions or {}).get("persistedQuery"))
    query = _query(parameters.get("query"), document_id)
    _check_values(variables)
    return Operation(query=query, document_id=document_id, variables=variables or {}, name=name or None)


def _document_id(given: object, persisted: object) -> str | None:
    """Return the id by which the document is named, be it as GraphQL over HTTP has it or as Apollo's clients do."""
    if not isinstance(given, str | None):
        raise BadUserInput(f"`documentId` is {_kind(given)}. Send a string, or leave it out.")
    named = given.removeprefix(PREFIX) if given else None
    if persisted is None:
        return named
    hashed = persisted.get("sha256Hash") if isinstance(persisted, dict) and persisted.get("version") == 1 else None
    if not isinstance(hashed, str):
        raise BadUserInput(
            '`extensions.persistedQuery` isn\'t {"version": 1, "sha256Hash": "…"}. Send that, or nothing.'
        )
    if named is not None and named != hashed:
        raise BadUserInput("`documentId` and `extensions.persistedQuery` name two documents. Name one.")
    return hashed


def _query(query: object, document_id: str | None) -> str | None:
    """Return the document's text. Raises BadUserInput where there must be one, and for another than the id's."""
    if query is None and document_id is not None:
        return None
    if not isinstance(query, str):
        raise BadUserInput(f"`query` is {_kind(query)}. Send the GraphQL document in it, as a string.")
    if not query.strip():
        raise BadUserInput("`query` is empty. Send the GraphQL document in it.")
    if document_id is not None and document_id != (found := hash_of(query)):
        raise BadUserInput(f"The id is another document's: the SHA-256 of `query` is {found}. Send only one of them.")
    return query


def _check_values(value: object) -> None:
    """Walk without recursion. Raises LimitExceeded for deep nesting, BadUserInput for characters that can't be kept."""
    level = [value]
    for _ in range(MAX_NESTING + 1):
        if any(isinstance(item, str) and "\0" in item for item in level):
            raise BadUserInput("A variable holds the character U+0000, which can't be stored. Remove it.")
        level = [child for item in level for child in _children(item)]
        if not level:
            return
    raise LimitExceeded(f"The variables are nested deeper than {MAX_NESTING} levels. Flatten them.")


def _children(value: object) -> list[object]:
    if isinstance(value, dict):
        return [*value.keys(), *value.values()]
    return value if isinstance(value, list) else []


def _kind(value: object) -> str:
    names = {type(None): "missing or null", bool: "a boolean", str: "a string", list: "an array", dict: "an object"}
    return names.get(type(value), "a number")
