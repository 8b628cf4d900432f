"""Sign-in: a bearer token becomes a viewer, or one clear refusal."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, cast
from uuid import UUID

import jwt

from errors import SettingsInvalid, Unauthenticated
from resolvers.viewers import Role, Viewer
from server.signing_keys import keys_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from settings import Settings

# Clocks of two machines that keep time by NTP differ by far less; a token lives minutes to hours.
LEEWAY = timedelta(seconds=5)
# Of the demo's tokens; other issuers choose theirs.
DEMO_TOKEN_LIFETIME = timedelta(hours=12)
# A longer token is no token of a person: it would only be hashed at our cost.
MAX_TOKEN_BYTES = 8_192
LONGEST_ID = 100
"""How many characters of a token's id are told."""
MOST_KNOWN = 1_000
"""How many good tokens are remembered; at most 8 MB."""

_REFUSALS: Mapping[type[jwt.PyJWTError], str] = {
    jwt.ExpiredSignatureError: "The token has expired. Sign in again to get a new one.",
    jwt.ImmatureSignatureError: "The token is not valid yet. Check the clocks of this server and of the issuer.",
    jwt.InvalidAudienceError: "The token was issued for another service: its `aud` isn't this server's.",
    jwt.InvalidIssuerError: "The token is not from the issuer that this server trusts: its `iss` differs.",
    jwt.InvalidAlgorithmError: "The token is not signed by the algorithm that this server accepts.",
    jwt.InvalidSignatureError: "The token is not signed by a key that this server trusts.",
    jwt.InvalidKeyError: "The token is not signed by a key that this server trusts.",
}


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A viewer, and of their token when it expires, in seconds since 1970, and its id."""

    viewer: Viewer
    expires_at: float
    token_id: str | None = None
    """The token's `jti`, if it has one."""


class Verifier:
    """Turns tokens into viewers by the keys, algorithm, audience and issuer of the settings, never the token's own."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._keys = keys_of(settings)
        self._required = ["exp", "aud", "sub", *(["iss"] if settings.jwt_issuer else [])]
        # A signature by a key that stays holds for ever; of all else that is checked, only the expiry can come later.
        self._known: dict[str, SignedIn] | None = None if self._keys.may_block else {}

    async def signed_in(self, authorization: str | None) -> SignedIn:
        """Return who sent this `Authorization` header, and until when it holds.

        Raises Unauthenticated, or Unavailable without the keys.
        """
        token = _bearer_token(authorization)
        known = self._known.get(token) if self._known else None
        if known and known.expires_at > time.time() - LEEWAY.total_seconds():
            return known
        try:
            if self._keys.may_block:
                claims = await asyncio.to_thread(self._claims, token)
            else:
                claims = self._claims(token)
        except jwt.MissingRequiredClaimError as exc:
            raise Unauthenticated(f"The token has no `{exc.claim}`. Ask its issuer to add it.") from exc
        except jwt.PyJWTError as exc:
            default = "The token can't be read. Send it as it was issued: `Authorization: Bearer <token>`."
            raise Unauthenticated(_REFUSALS.get(type(exc), default)) from exc
        token_id = claims.get("jti")
        signed_in = SignedIn(
            self._viewer_of(claims),
            expires_at=int(cast("float", claims["exp"])),
            token_id=token_id[:LONGEST_ID].encode(errors="replace").decode() if isinstance(token_id, str) else None,
        )
        if self._known is not None:
            if len(self._known) >= MOST_KNOWN:
                self._known.clear()
            self._known[token] = signed_in
        return signed_in

    def _claims(self, token: str) -> dict[str, object]:
        algorithm = self._settings.jwt_algorithm
        return jwt.decode(
            token,
            self._keys.key_for(token),
            algorithms=[algorithm],
            audience=self._settings.jwt_audience,
            issuer=self._settings.jwt_issuer,
            leeway=LEEWAY,
            options={"require": self._required},
        )

    def _viewer_of(self, claims: dict[str, object]) -> Viewer:
        for name in ("exp", "nbf", "iat"):
            # PyJWT reads "12" as 12; RFC 7519 section 2 wants a JSON number.
            if isinstance(claims.get(name, 0), bool) or not isinstance(claims.get(name, 0), int | float):
                raise Unauthenticated(f"The token's `{name}` is not a number. Ask its issuer to correct it.")
        role = claims.get(self._settings.jwt_role_claim)
        if not isinstance(role, str) or role.lower() not in set(Role):
            known = ", ".join(Role)
            raise Unauthenticated(f"The token's `{self._settings.jwt_role_claim}` is none of {known}.")
        return Viewer(
            user_id=_uuid(claims, "sub"),
            organization_id=_uuid(claims, self._settings.jwt_organization_claim),
            role=Role(role.lower()),
        )


def issue(settings: Settings, viewer: Viewer, *, lifetime: timedelta, now: datetime | None = None) -> str:
    """Return a token for this viewer, signed by the settings' secret. Raises SettingsInvalid without one."""
    if settings.jwt_secret is None or settings.jwt_algorithm != "HS256":
        raise SettingsInvalid("Tokens are issued here by TASKLINE_JWT_SECRET and HS256 only: ask your issuer for one.")
    at = now or datetime.now(UTC)
    claims = {
        "sub": str(viewer.user_id),
        settings.jwt_organization_claim: str(viewer.organization_id),
        settings.jwt_role_claim: viewer.role.value,
        "aud": settings.jwt_audience,
        "iat": at,
        "exp": at + lifetime,
    }
    if settings.jwt_issuer:
        claims["iss"] = settings.jwt_issuer
    return jwt.encode(claims, settings.jwt_secret.get_secret_value(), algorithm="HS256")


def _bearer_token(authorization: str | None) -> str:
    if not authorization:
        raise Unauthenticated("The token is missing. Send it in a header: `Authorization: Bearer <token>`.")
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Unauthenticated("The `Authorization` header holds no bearer token. Send `Bearer`, a space, the token.")
    if len(token) > MAX_TOKEN_BYTES:
        raise Unauthenticated(f"The token is longer than {MAX_TOKEN_BYTES:,} bytes. Ask its issuer for a shorter one.")
    return token.strip()


def _uuid(claims: dict[str, object], name: str) -> UUID:
    value = claims.get(name)
    try:
        parsed = UUID(value) if isinstance(value, str) else None
    except ValueError:
        parsed = None
    # UUID() also takes braces, urn:uuid: and misplaced hyphens: one person, many spellings.
    if parsed is None or str(parsed) != str(value).lower():
        raise Unauthenticated(f"The token's `{name}` is not a UUID. Ask its issuer to correct it.")
    return parsed
