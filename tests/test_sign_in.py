"""Sign-in: which tokens are accepted, and how every other is refused."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import httpx2
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from errors import SettingsInvalid, Unavailable
from resolvers.viewers import Role, Viewer
from server.sign_in import Verifier, issue
from server.signing_keys import KeySetUrl
from settings import Settings
from tests.apis import SECRET, SOMEBODY, Api, api
from tests.servers import serve

OTHER_SECRET = SECRET[::-1]
ISSUER = "https://login.example.test"
CLAIMS: dict[str, object] = {
    "sub": str(SOMEBODY.user_id),
    "organization_id": str(SOMEBODY.organization_id),
    "role": "admin",
    "aud": "taskline",
    "iss": ISSUER,
    "exp": 4_000_000_000,
}


@pytest.fixture(scope="module")
def served() -> Iterator[Api]:
    with api(jwt_issuer=ISSUER) as running:
        yield running


@pytest.fixture(scope="module")
def keys() -> dict[str, PrivateKeyTypes]:
    return {
        "RS256": rsa.generate_private_key(65_537, 2_048),
        "ES256": ec.generate_private_key(ec.SECP256R1()),
        "EdDSA": ed25519.Ed25519PrivateKey.generate(),
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


def test_a_good_token_tells_who_asks(served: Api) -> None:
    response = asked(served, f"Bearer {signed()}")

    assert {"organizationId": str(SOMEBODY.organization_id), "role": "ADMIN"} == response.json()["data"]["viewer"]


@pytest.mark.parametrize(
    "claims",
    [
        without(role="ADMIN"),
        without(aud=["other", "taskline"]),
        without(nbf=1, iat=1, jti="x"),
        without(exp=4_000_000_000.5),
        without(sub=str(SOMEBODY.user_id).upper()),
    ],
)
def test_what_the_standard_leaves_open_is_accepted(served: Api, claims: dict[str, object]) -> None:
    assert 200 == asked(served, f"bearer  {signed(claims)}").status_code


@pytest.mark.parametrize("query", ["{ __typename }", "{ __schema { types { name } } }", "{", "mutation { x }"])
def test_everything_needs_a_token_introspection_and_nonsense_too(served: Api, query: str) -> None:
    by_post = served.client.post("/graphql", json={"query": query})
    by_get = served.client.get("/graphql", params={"query": query, "access_token": signed()})

    assert "missing" in assert_refused(by_post)
    assert "missing" in assert_refused(by_get)


@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "Bearer",
        "Basic dXNlcjpwYXNz",
        f"Token {signed()}",
        signed(),
        f"Bearer{signed()}",
        b"Bearer \xff\xfe",
    ],
)
def test_a_header_without_a_bearer_token_is_refused(served: Api, authorization: str | bytes) -> None:
    assert_refused(asked(served, authorization))


NOT_TOKENS = {
    "one word": "x",
    "dots": "..",
    "many dots": "....",
    "three words": "a.b.c",
    "two tokens": f"{signed()} {signed()}",
    "no signature": signed().rpartition(".")[0],
    "empty signature": signed().rpartition(".")[0] + ".",
    "cut": signed()[:-3],
    "with a newline inside": signed().replace(".", ".%0A", 1),
    "header is no JSON": "!!!." + signed().partition(".")[2],
    "header is an array": signed_by_hand([], CLAIMS),
    "header is deep": signed_by_hand(b"[" * 3_000, CLAIMS),
    "header has a huge number": signed_by_hand(b'{"alg":"HS256","x":' + b"9" * 5_000 + b"}", CLAIMS),
    "header is not UTF-8": signed_by_hand(b"\xff", CLAIMS),
    "payload is no JSON": signed_by_hand({"alg": "HS256"}, b"{"),
    "payload is null": signed_by_hand({"alg": "HS256"}, None),
    "payload is an array": signed_by_hand({"alg": "HS256"}, [CLAIMS]),
    "payload is deep": signed_by_hand({"alg": "HS256"}, b"[" * 3_000),
    "payload has a huge number": signed_by_hand({"alg": "HS256"}, b'{"exp":' + b"9" * 5_000 + b"}"),
    "payload is not UTF-8": signed_by_hand({"alg": "HS256"}, b'{"sub": "\xff"}'),
    "10,000 characters": "x" * 10_000,
}


@pytest.mark.parametrize("token", NOT_TOKENS.values(), ids=NOT_TOKENS)
def test_what_is_no_token_is_refused(served: Api, token: str) -> None:
    assert_refused(asked(served, f"Bearer {token}"))


FORGED = {
    "alg none": encoded({"alg": "none"}) + "." + encoded(CLAIMS) + ".",
    "alg None": encoded({"alg": "None"}) + "." + encoded(CLAIMS) + ".",
    "alg nOnE, signed": signed_by_hand({"alg": "nOnE"}, CLAIMS),
    "alg empty": signed_by_hand({"alg": ""}, CLAIMS),
    "alg absent": signed_by_hand({"typ": "JWT"}, CLAIMS),
    "alg null": signed_by_hand({"alg": None}, CLAIMS),
    "alg array": signed_by_hand({"alg": ["HS256"]}, CLAIMS),
    "alg number": signed_by_hand({"alg": 256}, CLAIMS),
    "alg HS384": signed(algorithm="HS384"),
    "alg HS512": signed(algorithm="HS512"),
    "alg lower case": signed_by_hand({"alg": "hs256"}, CLAIMS),
    "another key": signed(key=OTHER_SECRET),
    "empty key": signed_by_hand({"alg": "HS256"}, CLAIMS, key=b""),
    "altered payload": ".".join([signed().split(".")[0], encoded(without(role="user")), signed().split(".")[2]]),
    "altered signature": signed()[:-8] + "AAAAAAAA",
    "kid is a path": signed(key=OTHER_SECRET, kid="../../../dev/null"),
    "kid is SQL": signed(key=OTHER_SECRET, kid="x' UNION SELECT 'a"),
    "kid is a number": signed_by_hand({"alg": "HS256", "kid": 1}, CLAIMS),
    "key in the header": signed(key=OTHER_SECRET, jwk={"kty": "oct", "k": encoded(OTHER_SECRET.encode())}),
    "key address in the header": signed(key=OTHER_SECRET, jku="https://evil.example.test/jwks.json"),
    "unknown critical extension": signed_by_hand({"alg": "HS256", "crit": ["x"], "x": 1}, CLAIMS),
    "detached payload": signed_by_hand({"alg": "HS256", "b64": False, "crit": ["b64"]}, CLAIMS),
}


@pytest.mark.parametrize("token", FORGED.values(), ids=FORGED)
def test_a_forged_token_is_refused(served: Api, token: str) -> None:
    assert_refused(asked(served, f"Bearer {token}"), secret_part=token.split(".")[1])


WRONG_CLAIMS = {
    "expired": (without(exp=1), "expired"),
    "expired just now": (without(exp=int(datetime.now(UTC).timestamp()) - 10), "expired"),
    "never expires": (without("exp"), "no `exp`"),
    "exp null": (without(exp=None), "no `exp`"),
    "exp text": (without(exp="4000000000"), "`exp` is not a number"),
    "exp true": (without(exp=True), "expired"),
    "exp array": (without(exp=[4_000_000_000]), "can't be read"),
    "exp infinite": (without(exp=float("inf")), "can't be read"),
    "exp NaN": (without(exp=float("nan")), "can't be read"),
    "not yet valid": (without(nbf=3_900_000_000), "not valid yet"),
    "issued in the future": (without(iat=3_900_000_000), "not valid yet"),
    "nbf text": (without(nbf="1"), "`nbf` is not a number"),
    "iat true": (without(iat=True), "`iat` is not a number"),
    "for another service": (without(aud="other"), "another service"),
    "for others": (without(aud=["other", "third"]), "another service"),
    "for nobody": (without("aud"), "no `aud`"),
    "aud empty": (without(aud=[]), "no `aud`"),
    "aud object": (without(aud={"taskline": True}), "another service"),
    "aud mixed": (without(aud=["taskline", 1]), "another service"),
    "aud begins alike": (without(aud="taskline2"), "another service"),
    "another issuer": (without(iss="https://evil.example.test"), "issuer"),
    "no issuer": (without("iss"), "no `iss`"),
    "iss array": (without(iss=[ISSUER]), "issuer"),
    "nobody": (without("sub"), "no `sub`"),
    "sub is no UUID": (without(sub="ada"), "`sub` is not a UUID"),
    "sub empty": (without(sub=""), "`sub` is not a UUID"),
    "sub is a number": (without(sub=1), "can't be read"),
    "sub in braces": (without(sub=f"{{{SOMEBODY.user_id}}}"), "`sub` is not a UUID"),
    "sub without hyphens": (without(sub=SOMEBODY.user_id.hex), "`sub` is not a UUID"),
    "no organization": (without("organization_id"), "`organization_id` is not a UUID"),
    "organization null": (without(organization_id=None), "`organization_id` is not a UUID"),
    "organization array": (without(organization_id=[CLAIMS["organization_id"]]), "`organization_id` is not a UUID"),
    "organization is SQL": (without(organization_id="x' OR 'x'='x"), "`organization_id` is not a UUID"),
    "no role": (without("role"), "`role` is none of admin, user, viewer"),
    "unknown role": (without(role="boss"), "`role` is none of"),
    "role array": (without(role=["admin"]), "`role` is none of"),
    "role null": (without(role=None), "`role` is none of"),
}


@pytest.mark.parametrize(("claims", "reason"), WRONG_CLAIMS.values(), ids=WRONG_CLAIMS)
def test_a_token_with_wrong_claims_is_refused_with_the_reason(
    served: Api, claims: dict[str, object], reason: str
) -> None:
    token = signed_by_hand({"alg": "HS256"}, claims)

    message = assert_refused(asked(served, f"Bearer {token}"), secret_part=token.split(".")[1])

    assert reason in message


def test_a_clock_that_is_a_little_behind_does_no_harm(served: Api) -> None:
    now = int(datetime.now(UTC).timestamp())

    assert 200 == asked(served, f"Bearer {signed(without(iat=now + 3, nbf=now + 3))}").status_code


@pytest.mark.slow
def test_claims_can_have_other_names() -> None:
    with api(jwt_organization_claim="https://x.test/org", jwt_role_claim="urn:role") as running:
        claims = without(
            "organization_id", "role", **{"https://x.test/org": CLAIMS["organization_id"], "urn:role": "viewer"}
        )

        response = asked(running, f"Bearer {signed(claims)}")

        assert {"organizationId": CLAIMS["organization_id"], "role": "VIEWER"} == response.json()["data"]["viewer"]
        assert_refused(asked(running, f"Bearer {signed()}"))


@pytest.mark.parametrize("role", Role)
def test_a_token_that_we_issue_is_accepted_until_it_expires(served: Api, role: Role) -> None:
    viewer = replace(SOMEBODY, role=role)
    minute, long_ago = timedelta(minutes=1), datetime.now(UTC) - timedelta(hours=1)

    good = asked(served, f"Bearer {issue(served.settings, viewer, lifetime=minute)}")
    expired = asked(served, f"Bearer {issue(served.settings, viewer, lifetime=minute, now=long_ago)}")

    assert role.name == good.json()["data"]["viewer"]["role"]
    assert "expired" in assert_refused(expired)


# Keys of an identity provider.


def public(key: PrivateKeyTypes, kid: str | None, **more: object) -> dict[str, object]:
    algorithms: dict[type, Callable[..., dict[str, object]]] = {
        rsa.RSAPrivateKey: jwt.algorithms.RSAAlgorithm.to_jwk,
        ec.EllipticCurvePrivateKey: jwt.algorithms.ECAlgorithm.to_jwk,
        ed25519.Ed25519PrivateKey: jwt.algorithms.OKPAlgorithm.to_jwk,
    }
    to_jwk = next(function for kind, function in algorithms.items() if isinstance(key, kind))
    named = {} if kid is None else {"kid": kid}
    return to_jwk(key.public_key(), as_dict=True) | named | more


def jwks_file(folder: Path, *keys: dict[str, object]) -> Path:
    path = folder / "jwks.json"
    path.write_text(json.dumps({"keys": keys}))
    return path


@pytest.mark.slow
@pytest.mark.parametrize("algorithm", ["RS256", "ES256", "EdDSA"])
def test_tokens_by_a_public_key_are_accepted(algorithm: str, keys: dict[str, PrivateKeyTypes], tmp_path: Path) -> None:
    everyone = jwks_file(tmp_path, *(public(key, name) for name, key in keys.items()))
    with api(jwt_secret=None, jwks_file=everyone, jwt_algorithm=algorithm) as running:
        named = signed(key=keys[algorithm], algorithm=algorithm, kid=algorithm)
        unnamed = signed(key=keys[algorithm], algorithm=algorithm)
        misnamed = signed(key=keys[algorithm], algorithm=algorithm, kid="nobody")
        others = [signed(key=keys[name], algorithm=name, kid=name) for name in keys if name != algorithm]

        assert 200 == asked(running, f"Bearer {named}").status_code
        assert 200 == asked(running, f"Bearer {unnamed}").status_code
        for token in (misnamed, *others, signed()):
            assert_refused(asked(running, f"Bearer {token}"))


@pytest.mark.slow
def test_a_public_key_used_as_a_secret_opens_nothing(keys: dict[str, PrivateKeyTypes], tmp_path: Path) -> None:
    jwk = public(keys["RS256"], "k")
    public_key = keys["RS256"].public_key()
    secrets = [
        public_key.public_bytes(encoding, form)
        for encoding, form in (
            (Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
            (Encoding.PEM, PublicFormat.PKCS1),
            (Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
            (Encoding.OpenSSH, PublicFormat.OpenSSH),
        )
    ]
    secrets += [json.dumps(jwk).encode(), str(jwk["n"]).encode()]
    with api(jwt_secret=None, jwks_file=jwks_file(tmp_path, jwk), jwt_algorithm="RS256") as running:
        for secret in secrets:
            for header in ({"alg": "HS256", "kid": "k"}, {"alg": "RS256", "kid": "k"}, {"alg": "none", "kid": "k"}):
                assert_refused(asked(running, f"Bearer {signed_by_hand(header, CLAIMS, key=secret)}"))


@pytest.mark.slow
def test_a_key_that_comes_with_the_token_is_not_trusted(keys: dict[str, PrivateKeyTypes], tmp_path: Path) -> None:
    own = rsa.generate_private_key(65_537, 2_048)
    trusted = jwks_file(tmp_path, public(keys["RS256"], "k"))
    with api(jwt_secret=None, jwks_file=trusted, jwt_algorithm="RS256") as running:
        for headers in ({"kid": "k"}, {"jwk": public(own, "k")}, {"jku": "https://evil.example.test"}, {"x5u": "x"}):
            token = signed(key=own, algorithm="RS256", **headers)

            assert "key that this server trusts" in assert_refused(asked(running, f"Bearer {token}"))


def test_keys_for_encryption_sign_nothing(keys: dict[str, PrivateKeyTypes], tmp_path: Path) -> None:
    path = jwks_file(tmp_path, public(keys["RS256"], "k", use="enc"))

    with pytest.raises(SettingsInvalid, match="holds no key for RS256"):
        Verifier(Settings(jwks_file=path, jwt_algorithm="RS256"))


class Provider:
    """An identity provider's JWKS address; `keys` can change, and it can fail."""

    def __init__(self, *keys: dict[str, object]) -> None:
        self.keys = list(keys)
        self.is_failing = False
        self.requests = 0
        self.app = Starlette(routes=[Route("/jwks.json", self._answer)])

    async def _answer(self, _: Request) -> Response:
        self.requests += 1
        return JSONResponse({}, status_code=500) if self.is_failing else JSONResponse({"keys": self.keys})


@pytest.mark.slow
def test_keys_from_an_address_are_fetched_once(keys: dict[str, PrivateKeyTypes]) -> None:
    provider = Provider(public(keys["ES256"], "first"))
    with (
        serve(provider.app) as address,
        api(jwt_secret=None, jwks_url=f"{address}/jwks.json", jwt_algorithm="ES256") as running,
    ):
        good = f"Bearer {signed(key=keys['ES256'], algorithm='ES256', kid='first')}"
        unknown = [f"Bearer {signed(key=keys['ES256'], algorithm='ES256', kid=f'made-up-{i}')}" for i in range(5)]
        unnamed = f"Bearer {signed(key=keys['ES256'], algorithm='ES256')}"

        assert [200, 200] == [asked(running, good).status_code for _ in range(2)]
        for authorization in (*unknown, unnamed, f"Bearer {signed()}", f"Bearer {signed(kid='first')}"):
            assert_refused(asked(running, authorization))
        assert 1 == provider.requests


@pytest.mark.slow
def test_an_unreachable_provider_makes_sign_in_unavailable_until_it_is_back(keys: dict[str, PrivateKeyTypes]) -> None:
    provider = Provider(public(keys["EdDSA"], "k"))
    provider.is_failing = True
    with (
        serve(provider.app) as address,
        api(jwt_secret=None, jwks_url=f"{address}/jwks.json", jwt_algorithm="EdDSA") as running,
    ):
        authorization = f"Bearer {signed(key=keys['EdDSA'], algorithm='EdDSA', kid='k')}"

        away = asked(running, authorization)
        provider.is_failing = False
        deadline = time.monotonic() + 10
        while (back := asked(running, authorization)).status_code == 503:
            assert time.monotonic() < deadline
            time.sleep(0.05)

        assert (503, "UNAVAILABLE") == (away.status_code, away.json()["errors"][0]["extensions"]["code"])
        assert 200 == back.status_code


@pytest.mark.slow
def test_keys_seen_before_serve_on_while_their_provider_is_away(keys: dict[str, PrivateKeyTypes]) -> None:
    provider = Provider(public(keys["EdDSA"], "k"))
    token = signed(key=keys["EdDSA"], algorithm="EdDSA", kid="k")
    with serve(provider.app) as address:
        always_old = KeySetUrl(f"{address}/jwks.json", lifespan_s=1e-9)
        before = always_old.key_for(token)
        provider.is_failing = True

        meanwhile = [always_old.key_for(token) for _ in range(5)]

        assert [before.key_id] * 5 == [key.key_id for key in meanwhile]
        assert 2 == provider.requests
        with pytest.raises(Unavailable):
            always_old.key_for(signed(key=keys["EdDSA"], algorithm="EdDSA", kid="never seen"))


@pytest.mark.slow
def test_a_key_that_its_provider_withdrew_opens_nothing(keys: dict[str, PrivateKeyTypes]) -> None:
    provider = Provider(public(keys["EdDSA"], "old"))
    token = signed(key=keys["EdDSA"], algorithm="EdDSA", kid="old")
    with serve(provider.app) as address:
        always_old = KeySetUrl(f"{address}/jwks.json", lifespan_s=1e-9)
        always_old.key_for(token)
        provider.keys = [public(keys["EdDSA"], "new")]

        with pytest.raises(jwt.InvalidKeyError):
            always_old.key_for(token)
        provider.is_failing = True
        with pytest.raises(Unavailable):
            always_old.key_for(token)


# Settings that can't work are refused at the start.


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({}, "set are: none"),
        ({"jwt_secret": SECRET, "jwks_url": "https://x.test"}, "Set exactly one"),
        ({"jwt_secret": "short"}, "5 bytes"),
        ({"jwt_secret": SECRET, "jwt_algorithm": "RS256"}, "doesn't go with"),
        ({"jwks_url": "https://x.test"}, "doesn't go with"),
        ({"jwks_url": "file:///etc/passwd", "jwt_algorithm": "RS256"}, "not an http or https address"),
        ({"jwks_file": Path("/nowhere/jwks.json"), "jwt_algorithm": "RS256"}, "can't be used as a JWKS file"),
    ],
)
def test_settings_that_cant_work_are_refused(settings: dict[str, object], reason: str) -> None:
    chosen = {name: SecretStr(str(value)) if name == "jwt_secret" else value for name, value in settings.items()}

    with pytest.raises(SettingsInvalid, match=reason) as refused:
        Verifier(Settings.model_validate({"jwt_algorithm": "HS256"} | chosen))

    assert SECRET not in str(refused.value)


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"keys": 1}', '{"keys": []}', '{"keys": [{"kty": "x"}]}', "\xff"])
def test_a_file_that_is_no_jwks_is_refused(content: str, tmp_path: Path) -> None:
    path = tmp_path / "jwks.json"
    path.write_text(content, encoding="latin-1")

    with pytest.raises(SettingsInvalid, match=r"jwks\.json"):
        Verifier(Settings(jwks_file=path, jwt_algorithm="RS256"))


def test_without_a_secret_no_token_is_issued() -> None:
    viewer = Viewer(UUID(int=1), UUID(int=2), Role.USER)

    with pytest.raises(SettingsInvalid, match="HS256 only"):
        issue(Settings(jwks_url="https://x.test", jwt_algorithm="RS256"), viewer, lifetime=timedelta(minutes=1))
