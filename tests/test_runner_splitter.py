"""Files are cut into the statements that PostgreSQL and psql see; what the runner can't do is refused by name."""

from pathlib import Path

import pglast
import pytest
from hypothesis import given
from hypothesis import strategies as st

from errors import MigrationFileUnusable
from migrations.runner.lexer import tokens
from migrations.runner.splitter import hash_of, split

FOLDER = Path(__file__).parent.parent / "migrations"
FILES = sorted(FOLDER.glob("[0-9]*.sql"))

# Pieces that hide a semicolon from a careless splitter, each followed by what ends it.
TRICKY = [
    "SELECT 'a;b'",
    "SELECT 'it''s;'",
    r"SELECT E'a\';b'",
    r"SELECT '\'",
    "SELECT U&'\\0061;'",
    "SELECT B'01', X'1f;'",
    'SELECT ";" FROM "a""b;"',
    'SELECT U&"d;"',
    "SELECT $$a;b$$",
    "SELECT $tag$a;$$;b$tag$",
    "SELECT $ä$;$ä$",
    "DO $do$ BEGIN EXECUTE $q$SELECT ';'$q$; END $do$",
    "SELECT a$b$c, 1 FROM t",
    "SELECT $1",
    "SELECT /* ; /* nested; */ ; */ 1",
    "SELECT 1 -- one;\n + 2",
    "SELECT (1; 2)",
    "CREATE RULE r AS ON INSERT TO t DO ALSO (DELETE FROM u; DELETE FROM v)",
    "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; SELECT CASE WHEN true THEN 1 END; END",
    "CREATE OR REPLACE PROCEDURE p() BEGIN ATOMIC DELETE FROM t; END",
    "BEGIN",
    "END",
    'SELECT x::"char", y[1:2]',
    "SELECT 'a'\n 'b;'",
    'SELECT 1 AS "begin;"',
]
VALID = [sql for sql in TRICKY if sql != "SELECT (1; 2)"]


@pytest.mark.parametrize("sql", TRICKY)
def test_one_statement_stays_one(sql: str) -> None:
    assert [sql, "SELECT 2"] == [statement.text for statement in split(f"{sql};\nSELECT 2;")]


@given(st.lists(st.sampled_from(VALID), max_size=6), st.sampled_from([";", ";\n", " ;\n-- ;\n", ";/* ; */"]))
def test_statements_are_cut_where_libpg_query_cuts_them(statements: list[str], end: str) -> None:
    text = end.join([*statements, ""])

    # Its scanner knows no body of BEGIN ATOMIC, but its parser does.
    expected = [sql.strip() for sql in pglast.split(text, with_parser=True, only_slices=False)]
    assert len(expected) == len(split(text))
    assert [pglast.prettify(sql) for sql in expected] == [pglast.prettify(s.text) for s in split(text)]


@given(st.text(alphabet="ab1_$'\"\\;:-/*()\n EU&é", max_size=40))
def test_every_text_is_lexed_without_loss_or_refused(text: str) -> None:
    try:
        pieces = [token.text for token in tokens(text)]
    except MigrationFileUnusable:
        return

    assert text == "".join(pieces)


@given(st.text(alphabet="ab1_$';-/*()\n ", max_size=30))
def test_where_libpg_query_can_scan_the_same_semicolons_are_found(text: str) -> None:
    try:
        scanned = pglast.parser.scan(text)
    except pglast.parser.ParseError:
        return

    expected = [token.start for token in scanned if token.name == "ASCII_59"]
    found, position = [], 0
    for token in tokens(text):
        if token.text == ";":
            found.append(len(text[:position]))
        position += len(token.text)
    assert expected == found


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_our_files_are_cut_where_libpg_query_cuts_them(file: Path) -> None:
    text = file.read_text()

    expected = pglast.split(text.replace("\\set ON_ERROR_STOP on", ""))

    assert len(expected) == len(split(text))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("\\i other.sql", r"Line 1: \\i other.sql is not understood"),
        ("\n\\if true", r"Line 2: \\if true is not understood"),
        ("\\set ON_ERROR_STOP off", "is not understood"),
        ("\\set x 1", "is not understood"),
        ("SELECT 1 \\gset", r"\\gset stands inside a statement"),
        ("SELECT :'x'", "begins a psql variable"),
        ('SELECT :"x"', "begins a psql variable"),
        ("COPY t FROM STDIN;\n1\n\\.\n", "COPY FROM STDIN needs psql"),
        ("SELECT 'a", "Line 1: what begins with ' never ends"),
        ("SELECT 1;\n/* a /* b */", r"Line 2: what begins with /\* never ends"),
        ("SELECT $x$ a $y$", r"what begins with \$x\$ never ends"),
    ],
)
def test_what_the_runner_can_not_run_is_refused_by_name_and_line(text: str, words: str) -> None:
    with pytest.raises(MigrationFileUnusable, match=words):
        split(text)


def test_meta_commands_that_the_files_use_are_understood() -> None:
    statements = split("\ufeff\\set ON_ERROR_STOP on\n-- == First ==\n\\echo 'Hello; there'\nSELECT 1")

    assert [("Hello; there", "First", True), ("SELECT 1", "First", False)] == [
        (statement.text, statement.step, statement.is_echo) for statement in statements
    ]


def test_the_hash_ignores_comments_and_white_space_only() -> None:
    text = "DO $$ BEGIN PERFORM 1; END $$; SELECT 'a  b';"

    assert hash_of(text) == hash_of("-- why\nDO $$\n  BEGIN -- how\n  PERFORM 1;\n END $$;\n\nSELECT /* x */ 'a  b';\n")
    assert hash_of(text) != hash_of(text.replace("'a  b'", "'a b'"))
    assert hash_of(text) != hash_of(text.replace("PERFORM 1", "PERFORM 2"))
