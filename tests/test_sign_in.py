"""Sign-in: which tokens are accepted, and how every other is refused."""

import asyncio
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import jwt
import pytest
from pydantic import SecretStr

from resolvers.viewers import Role
from server import sign_in
from server.sign_in import LEEWAY, issue
from settings import Settings
from tests.apis import SECRET, SOMEBODY, Api, api
from tests.tokens import CLAIMS, ISSUER, asked, assert_refused, encoded, signed, signed_by_hand, without

OTHER_SECRET = SECRET[::-1]


@pytest.fixture(scope="module")
def served() -> Iterator[Api]:
    with api(jwt_issuer=ISSUER) as running:
        yield running


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


# Tokens that have been seen.


def test_a_token_seen_before_is_refused_once_it_has_expired(served: Api) -> None:
    token = signed(without(exp=int(time.time() - LEEWAY.total_seconds()) + 2))

    assert 200 == asked(served, f"Bearer {token}").status_code
    time.sleep(2)

    assert "expired" in assert_refused(asked(served, f"Bearer {token}"))


def test_what_differs_from_a_token_seen_before_is_refused(served: Api) -> None:
    token = signed()
    assert 200 == asked(served, f"Bearer {token}").status_code

    head, claims, signature = token.split(".")
    altered = "A" if signature[0] != "A" else "B"
    assert_refused(asked(served, f"Bearer {head}.{claims}.{altered}{signature[1:]}"))


def test_a_token_is_verified_once_and_only_so_many_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    decoded = []

    def decode(token: str, *_: object, **__: object) -> dict[str, object]:
        decoded.append(token)
        return CLAIMS

    monkeypatch.setattr(jwt, "decode", decode)
    monkeypatch.setattr(sign_in, "MOST_KNOWN", 2)
    verifier = sign_in.Verifier(Settings(jwt_secret=SecretStr(SECRET)))

    async def ask(*tokens: str) -> None:
        for token in tokens:
            await verifier.signed_in(f"Bearer {token}")

    asyncio.run(ask("a", "a", "b", "a", "b", "c", "c", "a"))

    assert ["a", "b", "c", "a"] == decoded
