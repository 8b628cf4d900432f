"""What schemathesis makes of our schema, right and wrong, is answered: with data, or with a code to act on.

`test_any_query` writes documents of its own; these are somebody else's, who reads the schema by introspection alone.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.config import SchemathesisConfig
from schemathesis.core.transport import Response
from schemathesis.graphql import nodes
from schemathesis.schemas import APIOperation
from schemathesis.specs.graphql.schemas import GraphQLSchema
from schemathesis.specs.openapi.checks import negative_data_rejection, response_schema_conformance

from tests.apis import Api
from tests.deadlines import DEADLINE_S
from tests.drawn_values import cursors_of, filled_organization, ids_of, instants, numbers, texts, zones
from tests.messages import JSON, LEAKS
from tests.organizations import Organization
from tests.owners import Owner

pytestmark = [pytest.mark.slow, pytest.mark.long]

EXAMPLES = {GenerationMode.POSITIVE: 80, GenerationMode.NEGATIVE: 25}
"""Of each field of Query and Mutation."""
OWN_RECORDS = 4
"""So many of the known ids, which come first, are of leads, contacts and accounts: a timeline is of one of them."""
LEAST_SENT = {
    ("Query", GenerationMode.POSITIVE): 900,
    ("Mutation", GenerationMode.POSITIVE): 800,
    ("Query", GenerationMode.NEGATIVE): 270,
    ("Mutation", GenerationMode.NEGATIVE): 100,
}
"""Of all its fields together: of some, that take nothing, there aren't so many different requests."""
PUBLIC_CODES = {"BAD_USER_INPUT", "NOT_FOUND", "LIMIT_EXCEEDED"}


@pytest.fixture(scope="module")
def filled(owner: Owner) -> Organization:
    return filled_organization(owner)


@pytest.fixture(scope="module")
def session(api: Api, filled: Organization) -> Iterator[requests.Session]:
    """A client that is signed in, and takes no proxy from the environment."""
    with requests.Session() as session:
        session.trust_env = False
        session.headers.update(api.headers(viewer=filled.viewer()))
        yield session


@pytest.fixture(scope="module")
def asked(api: Api, filled: Organization) -> GraphQLSchema:
    """The schema as the server tells it, whose scalars are mostly such as lead somewhere."""
    ids, words = ids_of(filled), st.one_of(st.sampled_from(cursors_of(api, filled)), texts)
    known = st.one_of(st.sampled_from(ids[:OWN_RECORDS]), st.sampled_from(ids))
    for name, values in {"DateTime": instants, "TimeZone": zones, "ID": known, "String": words}.items():
        schemathesis.graphql.scalar(name, values.map(nodes.String))
    schemathesis.graphql.scalar("Int", numbers.map(nodes.Int))
    address = str(api.client.base_url.join("/graphql"))
    headers = api.headers(viewer=filled.viewer())
    return schemathesis.graphql.from_url(address, headers=headers, config=SchemathesisConfig())


def outcome(case: Case[Any], response: Response) -> str:
    """Hold an answer against what is promised, and return what it is: data, or the first of its codes."""
    assert response.status_code < 500, case.body
    assert [JSON] == response.headers["content-type"]
    answer = response.json()
    assert answer.keys() <= {"data", "errors", "extensions"}
    assert answer.keys() & {"data", "errors"}
    told = answer.get("errors", [])
    assert not LEAKS.search(" ".join(error["message"] for error in told)), told
    codes = {error["extensions"]["code"] for error in told}
    assert codes <= PUBLIC_CODES, (case.body, told)
    # Of codes, schemathesis knows only the first one as no fault of the server.
    checks = [] if codes - {"BAD_USER_INPUT"} else [not_a_server_error]
    case.validate_response(response, checks=[response_schema_conformance, negative_data_rejection, *checks])
    return min(codes, default="data")


def sent(field: APIOperation[Any, Any, Any, Any], mode: GenerationMode, session: requests.Session) -> Counter[str]:
    """Ask for a field with all that is made for it, and count what came of it."""
    outcomes: Counter[str] = Counter()

    # Not made smaller when it fails: each request may leave another database.
    @settings(max_examples=EXAMPLES[mode], phases=[Phase.generate], database=None)
    @given(case=field.as_strategy(generation_mode=mode))
    def send(case: Case[Any]) -> None:
        outcomes[outcome(case, case.call(session=session, timeout=DEADLINE_S))] += 1

    send()
    return outcomes


@pytest.mark.parametrize(("root", "mode"), LEAST_SENT)
def test_what_schemathesis_sends_is_answered(
    asked: GraphQLSchema, session: requests.Session, root: str, mode: GenerationMode
) -> None:
    outcomes: Counter[str] = Counter()
    for field in asked[root].values():
        outcomes += sent(field, mode, session)

    assert LEAST_SENT[root, mode] <= outcomes.total()
    assert mode.is_negative or outcomes.total() <= 2 * outcomes["data"], outcomes
