"""HTTP messages to the API and from it, as they go over the wire."""

import json
import re
import socket

from tests.apis import Api
from tests.deadlines import DEADLINE_S

JSON = "application/json"
GRAPHQL_JSON = "application/graphql-response+json"
LEAKS = re.compile(
    r"Traceback|Error\b|Exception|asyncpg|psycopg|sqlalchemy|strawberry|starlette|graphql-core|\.py\b|lead_interactions"
    r"|SELECT|INSERT INTO|syntax error at|relation \"|column \"|has no attribute|\bdict\b|\bNoneType\b|\bself\b|<class"
)
"""Words of Python, SQL and drivers, which no message of ours may hold."""
VIEWER = "{ viewer { role } }"
ANSWER = {"data": {"viewer": {"role": "ADMIN"}}}


def body(query: object = VIEWER, **more: object) -> bytes:
    return json.dumps({"query": query} | more).encode()


def nested(depth: int) -> object:
    value: object = "x"
    for _ in range(depth):
        value = [value]
    return value


def code_of(answer: dict[str, list[dict[str, dict[str, str]]]]) -> str:
    """Return the only code of an answer; no message in it may show what we are made of."""
    assert not LEAKS.search(" ".join(str(error["message"]) for error in answer["errors"]))
    (code,) = {error["extensions"]["code"] for error in answer["errors"]}
    return code


def exchange(served: Api, sent: bytes, *, is_cut: bool = False) -> bytes:
    """Send bytes as they are, and return the beginning of what comes back."""
    url = served.client.base_url
    with socket.create_connection((url.host, url.port or 80), timeout=DEADLINE_S) as connection:
        connection.sendall(sent)
        return b"" if is_cut else connection.recv(1_000)


def everything_answered(served: Api, sent: bytes) -> bytes:
    """Send bytes as they are, and return what comes back until the server closes the connection."""
    url = served.client.base_url
    with socket.create_connection((url.host, url.port or 80), timeout=DEADLINE_S) as connection:
        connection.sendall(sent)
        return connection.makefile("rb").read()
