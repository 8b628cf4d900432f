"""Tokens for tests: good ones, and such as no library would make."""

import base64
import hashlib
import hmac
import json

import httpx2
import jwt

from tests.apis import SECRET, SOMEBODY, Api

ISSUER = "https://login.example.test"
CLAIMS: dict[str, object] = {
    "sub": str(SOMEBODY.user_id),
    "organization_id": str(SOMEBODY.organization_id),
    "role": "admin",
    "aud": "taskline",
    "iss": ISSUER,
    "exp": 4_000_000_000,
}


def signed(
    claims: dict[str, object] | None = None, *, key: object = SECRET, algorithm: str = "HS256", **headers: object
) -> str:
    chosen = CLAIMS if claims is None else claims
    return jwt.encode(chosen, key, algorithm=algorithm, headers=headers or None)  # type: ignore[arg-type]


def encoded(value: object) -> str:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def signed_by_hand(header: object, payload: object, key: bytes = SECRET.encode()) -> str:
    """Sign what no library would: wrong headers, payloads that are no claims, keys that are public."""
    text = f"{encoded(header)}.{encoded(payload)}"
    return f"{text}.{encoded(hmac.digest(key, text.encode(), hashlib.sha256))}"


def without(*names: str, **changed: object) -> dict[str, object]:
    return {name: value for name, value in CLAIMS.items() if name not in names} | changed


def asked(served: Api, authorization: str | bytes | None) -> httpx2.Response:
    raw = authorization.encode() if isinstance(authorization, str) else authorization
    headers = {b"Authorization": raw} if raw is not None else {}
    return served.client.post("/graphql", json={"query": "{ viewer { organizationId role } }"}, headers=headers)


def assert_refused(response: httpx2.Response, *, secret_part: str = "") -> str:
    """Assert a 401 in the shape that clients rely on, without the token; return its message."""
    (error,) = response.json()["errors"]
    assert (401, "Bearer") == (response.status_code, response.headers["www-authenticate"])
    assert {"code": "UNAUTHENTICATED"} == error["extensions"]
    assert "data" not in response.json()
    assert not secret_part or secret_part not in response.text
    return str(error["message"])
