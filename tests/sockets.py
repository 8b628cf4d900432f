"""A client of GraphQL over WebSocket, for tests."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from typing import Any

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from resolvers.viewers import Viewer
from tests.apis import SOMEBODY, Api

PROTOCOL = Subprotocol("graphql-transport-ws")
PATIENCE_S = 30
_numbers = count(1)


@dataclass(frozen=True, slots=True)
class Socket:
    """One WebSocket to the API."""

    connection: ClientConnection

    def send(self, **message: object) -> None:
        self.connection.send(json.dumps(message))

    def receive(self, timeout_s: float = PATIENCE_S) -> dict[str, Any]:
        message = json.loads(self.connection.recv(timeout_s))
        assert isinstance(message, dict)
        return message

    def subscribe(self, query: str, variables: Mapping[str, object] | None = None) -> str:
        """Start an operation and return its id."""
        id_ = str(next(_numbers))
        self.send(type="subscribe", id=id_, payload={"query": query, "variables": variables or {}})
        return id_

    def data(self, timeout_s: float = PATIENCE_S) -> Any:
        """Return the data of the next message, which has no errors."""
        message = self.receive(timeout_s)
        assert message["type"] == "next", message
        assert "errors" not in message["payload"], message
        return message["payload"]["data"]

    def is_quiet(self, for_s: float = 0.5) -> bool:
        """Tell whether nothing comes for so long."""
        try:
            self.connection.recv(for_s)
        except TimeoutError:
            return True
        return False

    def close_code(self) -> int | None:
        """Wait until the server closes the socket, and return the code."""
        try:
            while True:
                self.connection.recv(PATIENCE_S)
        except ConnectionClosed as closed:
            return closed.rcvd.code if closed.rcvd else None


@contextmanager
def opened(
    api: Api, *, protocol: Subprotocol | None = PROTOCOL, headers: Mapping[str, str] | None = None
) -> Iterator[Socket]:
    """Open a socket, and say nothing yet."""
    address = str(api.client.base_url).replace("http://", "ws://").rstrip("/") + "/graphql"
    protocols = [protocol] if protocol else None
    with connect(
        address, subprotocols=protocols, compression=None, open_timeout=PATIENCE_S, additional_headers=headers
    ) as connection:
        yield Socket(connection)


@contextmanager
def greeted(api: Api, viewer: Viewer = SOMEBODY) -> Iterator[Socket]:
    """Open a socket and sign in."""
    with opened(api) as socket:
        socket.send(type="connection_init", payload={"authorization": f"Bearer {api.token(viewer)}"})
        assert socket.receive() == {"type": "connection_ack"}
        yield socket
