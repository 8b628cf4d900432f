"""What can be configured, read once from the environment; nothing else reads it."""

from __future__ import annotations

import ipaddress
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, Self
from urllib.parse import urlsplit
from uuid import UUID

import platformdirs
from pydantic import AfterValidator, Field, SecretStr, ValidationError
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, SettingsConfigDict

from errors import SettingsInvalid

if TYPE_CHECKING:
    from collections.abc import Mapping

LONGEST_RETENTION_DAYS = 36_500
MOST_WORKERS = 64

_PORTS = {"http": 80, "https": 443}
_HOST = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*|[0-9a-f:.]*:[0-9a-f:.]*")

LogFormat = Literal["text", "json"]
JwtAlgorithm = Literal["HS256", "RS256", "ES256", "EdDSA"]


def _networks(text: str) -> str:
    """Return the text if it names addresses or networks. Raises ValueError; uvicorn would trust nobody, unsaid."""
    for part in text.split(","):
        ipaddress.ip_network(part.strip())
    return text


def _origins(text: str) -> str:
    """Return the origins with nothing but commas between. Raises PydanticCustomError for what no browser would send."""
    found = [part.strip() for part in text.split(",")]
    for origin in found:
        if origin in {"*", "null"}:
            words = "“{origin}” would let pages of any site in; name each origin, such as https://app.example.com"
            raise PydanticCustomError("origin", words, {"origin": origin})
        if not _is_origin(origin):
            words = (
                "“{origin}” isn't what a browser sends as an origin: in small letters http or https, the host, a port"
                " that isn't the usual one, and nothing after it, such as https://app.example.com"
            )
            raise PydanticCustomError("origin", words, {"origin": origin})
    return ",".join(found)


def _collector(text: str) -> str:
    """Return the address to which spans are sent: the usual path where it has none. Raises PydanticCustomError."""
    words = "name a collector's address for OTLP over HTTP, such as http://localhost:4318/v1/traces, without a password"
    try:
        parts = urlsplit(text)
        is_sound = parts.port != 0 and bool(parts.hostname) and parts.username is None
    except ValueError:
        is_sound = False
    if not is_sound or parts.scheme not in _PORTS:
        raise PydanticCustomError("collector", words)
    return text if parts.path.strip("/") else parts._replace(path="/v1/traces").geturl()


def _is_origin(text: str) -> bool:
    """Return whether the text is an origin, written as browsers write it."""
    try:
        parts = urlsplit(text)
        port, host = parts.port, parts.hostname or ""
    except ValueError:
        return False
    whole = f"{parts.scheme}://{f'[{host}]' if ':' in host else host}"
    if port is not None and port != _PORTS.get(parts.scheme):
        whole = f"{whole}:{port}"
    return parts.scheme in _PORTS and text == whole and _HOST.fullmatch(host) is not None


def default_home() -> Path:
    """Return the folder for everything that Taskline keeps, unless TASKLINE_HOME names another."""
    return platformdirs.user_data_path("taskline", appauthor=False)


def variables() -> Mapping[str, str]:
    """Return the environment as it is, for names that are not ours to prefix: DEVTEST_DATABASE_URL and its like."""
    return os.environ


class Settings(BaseSettings):
    """All settings. Each is read from TASKLINE_<NAME>, the two database addresses from their plain names too."""

    model_config = SettingsConfigDict(
        env_prefix="TASKLINE_",
        env_ignore_empty=True,  # as for a shell: NAME= takes the value away
        frozen=True,
        extra="ignore",
        populate_by_name=True,
    )

    home: Path = Field(default_factory=default_home)

    database_url: Annotated[SecretStr | None, Field(validation_alias="DATABASE_URL")] = None
    """Address of the API's role, bound by row security. Absent: the embedded server."""
    migration_database_url: Annotated[SecretStr | None, Field(validation_alias="MIGRATION_DATABASE_URL")] = None
    """Address of the owner, who runs migrations."""
    listen_database_url: Annotated[SecretStr | None, Field(validation_alias="LISTEN_DATABASE_URL")] = None
    """Address by which word of events comes, if not by `database_url`: past a pooler, to the same database."""
    is_pooled: bool = False
    """Whether `database_url` leads through a pooler that lends a connection for one transaction."""
    allow_unbound_role: bool = False
    """Serve although the role of `database_url` escapes row security. For repair work only."""
    pool_size: Annotated[int, Field(ge=1, le=200)] = 10
    """Connections of one server process, of which there are as many as `workers`."""
    pool_wait_ms: Annotated[int, Field(ge=1)] = 2_000
    statement_timeout_ms: Annotated[int, Field(ge=1)] = 3_000
    lock_timeout_ms: Annotated[int, Field(ge=1)] = 1_000
    request_timeout_ms: Annotated[int, Field(ge=1)] = 5_000
    """How long all statements of one request may take together."""
    idempotency_hours: Annotated[int, Field(ge=1, le=8_760)] = 24
    """How long an idempotency key is kept."""
    event_retention_days: Annotated[int | None, Field(ge=1, le=LONGEST_RETENTION_DAYS)] = None
    """How long `./taskline prune` leaves a line in the log of events. Absent: for ever."""

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65_535)] = 8_000
    log_format: LogFormat = "text"
    metrics_port: Annotated[int | None, Field(ge=1, le=65_535)] = None
    """Where Prometheus reads the metrics. Absent: nowhere, and nothing is counted."""
    metrics_host: str = "127.0.0.1"
    """The address of that port; whoever reaches it may read them."""
    traces_endpoint: Annotated[str, AfterValidator(_collector)] | None = None
    """Where spans are sent, by OTLP over HTTP. Absent: nowhere, and nothing is traced."""
    traces_ratio: Annotated[float, Field(ge=0, le=1)] = 1.0
    """Of how many requests a trace is kept; where the caller has one, the caller has decided."""
    traces_service: Annotated[str, Field(min_length=1, max_length=100)] = "taskline"
    """What the service is called in traces."""
    audit_file: Path | None = None
    """Where it is written who changed or tried what, and from where. Absent: nowhere."""
    workers: Annotated[int, Field(ge=1, le=MOST_WORKERS)] = 1
    """How many server processes share the port."""
    drain_delay_ms: Annotated[int, Field(ge=0)] = 0
    """How long a server that is told to stop serves on, so that balancers see by /readyz that it goes."""
    trusted_proxies: Annotated[str, AfterValidator(_networks)] = "127.0.0.1,::1"
    """Whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed: addresses and networks, with commas between."""
    demo_organization_id: UUID | None = None
    """Set by `./taskline demo`: whose colleagues the demo's sign-in lets people be. Absent: no such sign-in."""

    jwt_secret: SecretStr | None = None
    jwks_file: Path | None = None
    jwks_url: str | None = None
    jwt_algorithm: JwtAlgorithm = "HS256"
    jwt_audience: str = "taskline"
    jwt_issuer: str | None = None
    jwt_organization_claim: str = "organization_id"
    jwt_role_claim: str = "role"

    cors_origins: Annotated[str, AfterValidator(_origins)] | None = None
    """Whose pages may use the API from a browser: origins, with commas between. Absent: the service's own alone."""
    is_graphiql_on: bool = True
    is_introspection_on: bool = True
    is_suggestions_on: bool = True
    """Whether errors tell names that the request doesn't have; never while introspection is off."""
    trusted_documents_file: Path | None = None
    """The list of documents that requests may name by id. Absent: the timeline's own alone."""
    is_trusted_only: bool = False
    """Run trusted documents and no others; then there is no GraphiQL."""
    viewer_requests_per_minute: Annotated[int, Field(ge=0)] = 1_200
    """How often one person may ask; 0: as often as they like."""
    address_requests_per_minute: Annotated[int, Field(ge=0)] = 6_000
    """How often one address may ask, with good tokens or without; this machine's own isn't counted."""
    read_timeout_ms: Annotated[int, Field(ge=1)] = 10_000
    """How long a client may take to send a body."""
    receive_timeout_ms: Annotated[int, Field(ge=1)] = 30_000
    """How long a client may take to receive a message by WebSocket."""
    max_body_bytes: Annotated[int, Field(ge=1)] = 256_000
    max_query_tokens: Annotated[int, Field(ge=1)] = 2_500
    """Words, signs and comments of one document."""
    max_query_depth: Annotated[int, Field(ge=1)] = 12
    """Fields within fields, fragments expanded; introspection has a bound of its own."""
    max_query_aliases: Annotated[int, Field(ge=0)] = 30
    max_query_points: Annotated[int, Field(ge=1)] = 20_000
    """Objects that one answer could hold."""

    @property
    def is_demo(self) -> bool:
        """Whether this is the demo: its sign-in exists, and every answer says what it cost."""
        return self.demo_organization_id is not None

    def export(self, **others: str) -> None:
        """Put these settings into the environment, where the server's processes read them again, and others by name."""
        os.environ.update(others)
        for name, value in self.model_dump().items():
            text = value.get_secret_value() if isinstance(value, SecretStr) else str(value)
            os.environ[_variable((name,))] = "" if value is None else text

    @classmethod
    def from_env(cls) -> Self:
        """Read the environment. Raises SettingsInvalid with each wrong setting by name."""
        try:
            return cls()
        except ValidationError as exc:
            problems = "; ".join(f"{_variable(error['loc'])}: {error['msg']}" for error in exc.errors())
            raise SettingsInvalid(f"Can't use these settings: {problems}. Correct them in the environment.") from None


def _variable(location: tuple[int | str, ...]) -> str:
    name = str(location[0]).upper()
    return name if name.endswith("DATABASE_URL") else f"TASKLINE_{name.removeprefix('TASKLINE_')}"
