"""The keys that tokens are checked by: one secret, or a JWKS from a file or an address."""

from __future__ import annotations

import json
import logging
import time
from typing import TYPE_CHECKING, Protocol

import jwt

from errors import SettingsInvalid, Unavailable

if TYPE_CHECKING:
    from pathlib import Path

    from settings import JwtAlgorithm, Settings

log = logging.getLogger(__name__)

# RFC 7518 section 3.2: an HS256 key has at least as many bits as its hash.
MIN_SECRET_BYTES = 32
# A sign-in waits for it once per rotation; longer than this and callers have given up.
FETCH_TIMEOUT_S = 3.0
# After a failed fetch nobody waits for another one during this time.
RETRY_S = 2.0
# How long a key may be trusted without asking its provider, who may have withdrawn it.
MAX_AGE_S = 3_600.0


class SigningKeys(Protocol):
    """Finds the key that must have signed a token."""

    may_block: bool
    """Whether `key_for` may wait for the network, so that it belongs in a thread."""

    def key_for(self, token: str) -> jwt.PyJWK | bytes:
        """Return the key. Raises jwt.InvalidKeyError when none fits, Unavailable when the keys can't be had."""


class Secret:
    """One shared secret, for HS256."""

    may_block = False

    def __init__(self, secret: str) -> None:
        self._secret = secret.encode()
        if len(self._secret) < MIN_SECRET_BYTES:
            raise SettingsInvalid(
                f"TASKLINE_JWT_SECRET has {len(self._secret)} bytes; HS256 needs at least {MIN_SECRET_BYTES}."
                " Make one with `openssl rand -hex 32`."
            )

    def key_for(self, token: str) -> bytes:  # noqa: ARG002 one secret signs all tokens
        """Return the secret."""
        return self._secret


class KeySetFile:
    """Public keys of a JWKS file, read once at the start."""

    may_block = False

    def __init__(self, path: Path, algorithm: JwtAlgorithm) -> None:
        self._algorithm = algorithm
        try:
            keys = jwt.PyJWKSet.from_dict(json.loads(path.read_bytes())).keys
        except (OSError, ValueError, AttributeError, jwt.PyJWTError) as exc:
            raise SettingsInvalid(f"TASKLINE_JWKS_FILE={path} can't be used as a JWKS file: {exc}.") from exc
        self._keys = [key for key in keys if key.algorithm_name == algorithm and key.public_key_use in {None, "sig"}]
        if not self._keys:
            raise SettingsInvalid(f"TASKLINE_JWKS_FILE={path} holds no key for {algorithm}. Add one.")

    def key_for(self, token: str) -> jwt.PyJWK:
        """Return the key that the token names, or the only one when it names none."""
        kid = jwt.get_unverified_header(token).get("kid")
        fitting = [key for key in self._keys if kid is None or key.key_id == kid]
        if len(fitting) != 1:
            raise jwt.InvalidKeyError
        return fitting[0]


class KeySetUrl:
    """Public keys of a JWKS address, fetched when first needed, when they are old, or when a token names a new one."""

    may_block = True

    def __init__(self, url: str, *, lifespan_s: float = 300.0) -> None:
        try:
            # For an unknown key the client asks again at most every 30 seconds, so made-up key ids can't turn this
            # server against its identity provider.
            self._client = jwt.PyJWKClient(url, timeout=FETCH_TIMEOUT_S, lifespan=lifespan_s)
        except jwt.PyJWKClientError as exc:
            raise SettingsInvalid(f"TASKLINE_JWKS_URL={url} is not an http or https address. Correct it.") from exc
        self._seen: dict[str, tuple[jwt.PyJWK, float]] = {}
        self._away_until = 0.0

    def key_for(self, token: str) -> jwt.PyJWK:
        """Return the key that the token names. While the provider is away, the keys last seen serve on."""
        kid = jwt.get_unverified_header(token).get("kid")
        if kid is None:
            raise jwt.InvalidKeyError
        if time.monotonic() < self._away_until:
            return self._last_seen(kid)
        try:
            key = self._client.get_signing_key(kid)
        except jwt.PyJWKClientConnectionError as exc:
            log.warning("the JWKS address can't be reached", exc_info=exc)
            self._away_until = time.monotonic() + RETRY_S
            return self._last_seen(kid)
        except jwt.PyJWTError as exc:
            self._seen.pop(kid, None)
            raise jwt.InvalidKeyError from exc
        self._seen[kid] = key, time.monotonic()
        return key

    def _last_seen(self, kid: str) -> jwt.PyJWK:
        key, seen_at = self._seen.get(kid, (None, 0.0))
        if key is None or time.monotonic() - seen_at > MAX_AGE_S:
            raise Unavailable("The keys for checking tokens can't be fetched. Try again in a few seconds.")
        return key


def keys_of(settings: Settings) -> SigningKeys:
    """Return the keys that the settings name. Raises SettingsInvalid unless they name exactly one source that fits."""
    sources = [name for name in ("jwt_secret", "jwks_file", "jwks_url") if getattr(settings, name) is not None]
    if len(sources) != 1:
        names = ", ".join(f"TASKLINE_{name.upper()}" for name in sources) or "none"
        raise SettingsInvalid(
            "Tokens are checked by one of TASKLINE_JWT_SECRET, TASKLINE_JWKS_FILE and TASKLINE_JWKS_URL;"
            f" set are: {names}. Set exactly one."
        )
    if (settings.jwt_secret is not None) != (settings.jwt_algorithm == "HS256"):
        raise SettingsInvalid(
            f"TASKLINE_JWT_ALGORITHM={settings.jwt_algorithm} doesn't go with TASKLINE_{sources[0].upper()}:"
            " HS256 takes the secret, RS256, ES256 and EdDSA take a JWKS."
        )
    if settings.jwt_secret is not None:
        return Secret(settings.jwt_secret.get_secret_value())
    if settings.jwks_file is not None:
        return KeySetFile(settings.jwks_file, settings.jwt_algorithm)
    return KeySetUrl(str(settings.jwks_url))
