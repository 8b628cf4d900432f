"""Keys that tokens are checked by: of a secret, of a file, of an identity provider's address."""

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import TypeAlias
from uuid import UUID

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
from tests.apis import SECRET, api
from tests.deadlines import eventually
from tests.servers import serve
from tests.tokens import CLAIMS, asked, assert_refused, signed, signed_by_hand

ToJwk: TypeAlias = Callable[..., dict[str, object]]


@pytest.fixture(scope="module")
def keys() -> dict[str, PrivateKeyTypes]:
    return {
        "RS256": rsa.generate_private_key(65_537, 2_048),
        "ES256": ec.generate_private_key(ec.SECP256R1()),
        "EdDSA": ed25519.Ed25519PrivateKey.generate(),
    }


def public(key: PrivateKeyTypes, kid: str | None, **more: object) -> dict[str, object]:
    algorithms: dict[type, ToJwk] = {
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
        is_back = eventually(lambda: asked(running, authorization).status_code == 200)

        assert (503, "UNAVAILABLE") == (away.status_code, away.json()["errors"][0]["extensions"]["code"])
        assert is_back


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
