"""The documents that the operator trusts: requests may name one by its hash, and where that is set no other is run."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import orjson
from graphql import GraphQLError, OperationDefinitionNode

from errors import DocumentNotTrusted, DocumentUnknown, SettingsInvalid, TasklineError
from execution.cost import MANY, measure
from execution.document_rules import mistakes_of
from execution.documents import check_tokens
from execution.grammar import read
from execution.mistakes import shortened

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from graphql import GraphQLSchema

    from execution.limits import Limits
    from server.operations import Operation
    from settings import Settings

PAGES = Path(__file__).parent / "page_documents.json"
"""What the timeline asks, as it sends it; written by `npm run codegen` in `web/`."""
PREFIX = "sha256:"
MOST_FAULTS = 20
"""How many documents of a list that can't be used are told, and how many mistakes of one."""


class TrustedDocuments:
    """A list of documents, which no request adds to."""

    def __init__(self, texts: Mapping[str, str], *, is_only: bool, is_theirs: bool = False) -> None:
        self._texts = texts
        """By their hashes."""
        self._trusted = frozenset(texts.values())
        self._is_only = is_only
        self._is_theirs = is_theirs
        """Whether the operator has given a list, and so wants to know what else is asked."""

    def lacks(self, operation: Operation) -> bool:
        """Return whether the operator's list lacks this text, which may run all the same."""
        is_text = operation.query is not None
        return self._is_theirs and not self._is_only and is_text and operation.query not in self._trusted

    def text_of(self, operation: Operation) -> str:
        """Return the document to run. Raises DocumentUnknown, and DocumentNotTrusted before anything is read of it."""
        text = operation.query
        if text is None:
            text = self._texts.get(operation.document_id or "")
            if text is None:
                raise DocumentUnknown(
                    f"No trusted document has the id {shortened(operation.document_id or '')}."
                    " Have it added to the server's list."
                )
        elif self._is_only and text not in self._trusted:
            raise DocumentNotTrusted(
                "Only trusted documents are run here, and this text is none of them, to the letter."
                " Have it added to the server's list."
            )
        return text


def hash_of(text: str) -> str:
    """Return a document's id without its prefix, as GraphQL over HTTP has it: SHA-256 of UTF-8, in lower case."""
    return hashlib.sha256(text.encode()).hexdigest()


def trusted_documents(settings: Settings, schema: GraphQLSchema, limits: Limits) -> TrustedDocuments:
    """Return the timeline's documents and those of the settings' file. Raises SettingsInvalid for one of no use.

    Costs about 3 ms for each document of the file.
    """
    texts = dict(_entries(orjson.loads(PAGES.read_bytes())))
    if path := settings.trusted_documents_file:
        theirs = _read(path)
        is_hidden = not settings.is_introspection_on
        faults = [
            f"{shortened(key)}: {fault}"
            for key, text in theirs.items()
            if (fault := _fault_of_key(key, text) or _fault_of(schema, text, limits, is_schema_hidden=is_hidden))
        ]
        if faults:
            more = f" And {len(faults) - MOST_FAULTS:,} more." if len(faults) > MOST_FAULTS else ""
            raise SettingsInvalid(f"{_unusable(path)} {' '.join(faults[:MOST_FAULTS])}{more}")
        texts |= _entries(theirs)
    return TrustedDocuments(texts, is_only=settings.is_trusted_only, is_theirs=path is not None)


def _entries(documents: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    return ((key.removeprefix(PREFIX), text) for key, text in documents.items())


def _unusable(path: Path) -> str:
    return f"TASKLINE_TRUSTED_DOCUMENTS_FILE={path} can't be used as a list of trusted documents:"


def _read(path: Path) -> dict[str, str]:
    try:
        held = orjson.loads(path.read_bytes())
    except OSError as exc:
        raise SettingsInvalid(f"{_unusable(path)} it can't be read: {exc.strerror}.") from exc
    except orjson.JSONDecodeError as exc:
        raise SettingsInvalid(
            f"{_unusable(path)} it is not valid JSON in UTF-8: look at line {exc.lineno}, column {exc.colno}."
        ) from exc
    if not isinstance(held, dict) or not all(isinstance(text, str) for text in held.values()):
        raise SettingsInvalid(f'{_unusable(path)} write one object: {{"sha256:<hex>": "query …", …}}.')
    return held


def _fault_of_key(key: str, text: str) -> str | None:
    """Return why the key is none for this text."""
    found = hash_of(text)
    if key.removeprefix(PREFIX) == found:
        return None
    return f"this isn't the SHA-256 of its document, which is {found}. Have the list written with SHA-256."


def _fault_of(schema: GraphQLSchema, text: str, limits: Limits, *, is_schema_hidden: bool) -> str | None:
    """Return why a document could never be run, whatever its variables."""
    try:
        check_tokens(text, limits)
        document = read(text)
        mistakes = mistakes_of(schema, document, is_schema_hidden=is_schema_hidden)
        for operation in (node for node in document.definitions if isinstance(node, OperationDefinitionNode)):
            # How much is asked for, the variables say.
            measure(schema, document, operation, {}, replace(limits, points=MANY))
    except (GraphQLError, TasklineError) as exc:
        return exc.message if isinstance(exc, GraphQLError) else str(exc)
    return " ".join(mistake.message for mistake in mistakes[:MOST_FAULTS]) or None
