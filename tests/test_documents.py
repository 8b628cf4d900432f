"""Documents: read within bounds before they are parsed, and kept within bounds of memory."""

import gc
import tracemalloc
from collections.abc import Callable

import pytest
from graphql import GraphQLSyntaxError, parse

from errors import BadUserInput, LimitExceeded
from execution.document_rules import mistakes_of
from execution.documents import Documents, bytes_charged, check_tokens
from execution.grammar import read
from execution.limits import Limits
from schema.build import build_schema


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{" + "a " * 2_500 + "}", "more tokens than the 2,500"),
        ("{ tasks(filter: " + "[" * 100 + "]" * 100 + ") }", "deeper nesting than the 100"),
        ("{ a" + "{a" * 100 + "}" * 101, "deeper nesting than the 100"),
        ("{ a" + " @skip(if: true)" * 51 + "}", "more directives than the 50"),
        ("{ a(n: " + "9" * 5_000 + ") }", "5,000 characters; at most 100"),
        ("{ a(n: 1." + "9" * 5_000 + ") }", "5,002 characters; at most 100"),
        ("#" + "x" * 100_000 + "\n{ a }", "100,007 characters"),
        ("{ a }" + "#\n" * 2_498, "more tokens than the 2,500"),
    ],
)
def test_a_text_over_a_limit_is_refused(text: str, reason: str) -> None:
    with pytest.raises(LimitExceeded, match=reason):
        check_tokens(text, Limits())


@pytest.mark.parametrize("text", [r'{ a(s: "\u0000") }', r'{ a(s: "\u{0}") }', '{ a(s: "x\0") }', '{ a(s: """\0""") }'])
def test_the_character_that_postgresql_cant_store_is_refused(text: str) -> None:
    with pytest.raises((BadUserInput, GraphQLSyntaxError)):
        check_tokens(text, Limits())


def test_a_valid_document_is_parsed_once() -> None:
    documents = Documents(Limits())
    document = documents.read("{ a }")
    documents.keep("{ a }", document)

    assert documents.known("{ a }") is document
    assert documents.known("{ b }") is None


def test_of_the_documents_kept_the_latest_stay() -> None:
    texts = [f"{{ a{i} b c d e f g h }}" for i in range(100, 111)]
    documents = Documents(Limits(kept_bytes=10 * bytes_charged(texts[0], tokens=10)))

    for text in texts:
        documents.keep(text, documents.read(text))

    assert [False] + 10 * [True] == [documents.known(text) is not None for text in texts]


# Each differs from the others by a number, and takes as much memory as its shape can.
SHAPES: dict[str, Callable[[int], str]] = {
    "tiny": lambda n: f"{{a{n}}}",
    "fields": lambda n: f"{{a{n} " + "a " * 2_490 + "}",
    "nested fields": lambda n: f"{{a{n} " + "a{b}" * 620 + "}",
    "spreads": lambda n: f"{{a{n} " + "...a " * 1_240 + "}",
    "arguments": lambda n: f"{{a{n} " + "a(b:c) " * 410 + "}",
    "lists": lambda n: f"{{a{n} a(b:[" + "[]" * 1_240 + "])}",
    "variables": lambda n: "query(" + "$a:b " * 600 + f"){{a{n}}}",
    "comments": lambda n: f"{{a{n}}}" + "#\n" * 2_490,
    "a long comment": lambda n: f"{{a{n}}}#" + "x" * 99_000,
    "a long comment beyond 16 bits": lambda n: f"{{a{n}}}#" + "😀" * 99_000,
    "a long string": lambda n: f'{{a{n}(b:"' + "x" * 99_000 + '")}',
    "a long string beyond 16 bits": lambda n: f'{{a{n}(b:"' + "😀" * 99_000 + '")}',
    "a long string, wide by one escape": lambda n: f'{{a{n}(b:"\\u{{1F600}}' + "x" * 98_000 + '")}',
    "a long block string": lambda n: f'{{a{n}(b:"""' + "x\n" * 49_000 + '""")}',
    "spaces": lambda n: f"{{a{n}}}" + " " * 99_000,
}


@pytest.mark.slow
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_the_memory_of_documents_kept_is_bounded(shape: Callable[[int], str]) -> None:
    limits = Limits(kept_bytes=1_700_000)
    documents = Documents(limits)
    charged = number = 0

    gc.collect()
    tracemalloc.start()
    try:
        while charged < 1.3 * limits.kept_bytes:
            text = shape(number)
            document = documents.read(text)
            documents.keep(text, document)
            charged += bytes_charged(text, document.token_count)
            number += 1
        del text, document
        gc.collect()
        kept_bytes, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert 0 < kept_bytes <= limits.kept_bytes


def test_a_document_larger_than_the_memory_for_all_is_not_kept() -> None:
    documents = Documents(Limits(kept_bytes=3_000))
    small, large = "{ a }", "{ b }" + " " * 3_000
    documents.keep(small, documents.read(small))

    documents.keep(large, documents.read(large))

    assert [True, False] == [documents.known(text) is not None for text in (small, large)]


@pytest.mark.parametrize("mistake", ["", "nothing"], ids=["valid", "with a mistake"])
def test_what_was_read_of_a_document_goes_with_it(mistake: str) -> None:
    schema = build_schema()._schema
    text = f"{{ {mistake} " + " ".join(f"a{n}: __typename" for n in range(1_000)) + " }"
    mistakes_of(schema, parse("{ viewer { role } }"), is_schema_hidden=False)
    gc.collect()
    gc.disable()  # or it may come by, and find what would have stayed
    try:
        check_tokens(text, Limits(tokens=5_000))
        found = mistakes_of(schema, read(text), is_schema_hidden=False)
        assert bool(mistake) == bool(found)
        del found
        left = gc.collect()
    finally:
        gc.enable()

    assert left < 2_000  # it has some 9,000 parts
