"""What the pages ask is what the API answers: a renamed field fails here first."""

from pathlib import Path

import pytest
from graphql import GraphQLSchema, build_schema, parse, validate

ROOT = Path(__file__).parent.parent
EXAMPLES = sorted((ROOT / "web").glob("graphiql/**/*.graphql"))


@pytest.fixture(scope="module")
def committed_schema() -> GraphQLSchema:
    return build_schema((ROOT / "schema" / "schema.graphql").read_text())


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_is_valid(committed_schema: GraphQLSchema, path: Path) -> None:
    assert [] == validate(committed_schema, parse(path.read_text()))
