"""The gate: who may ask, and how often; each request for data passes it before anything else is done."""

from __future__ import annotations

import ipaddress
import math
from functools import lru_cache
from typing import TYPE_CHECKING

from throttled import Throttled, per_min
from throttled.store import MemoryStore

from errors import TooManyRequests
from server import accesses
from server.sign_in import Verifier

if TYPE_CHECKING:
    from collections.abc import Hashable

    from starlette.requests import HTTPConnection, Request

    from resolvers.viewers import Viewer
    from server.sign_in import SignedIn
    from settings import Settings

MOST_KNOWN = 20_000
"""Of how many viewers, and of how many addresses, requests are counted; who asked least lately is forgotten first."""
LONGEST_HOST = 50  # an address has 45 characters at most
HOST_BITS_V6 = 64
"""Of an IPv6 address, the part that a machine chooses for itself: whoever has one such address has them all."""


class Gate:
    """Signs viewers in, and refuses those who ask too often."""

    def __init__(self, settings: Settings) -> None:
        self._verifier = Verifier(settings)
        self._of_viewers = Rate(settings.viewer_requests_per_minute, "one person")
        self._of_addresses = Rate(settings.address_requests_per_minute, "one address")

    async def viewer(self, request: Request) -> Viewer:
        """Return who sent a request, and count it. Raises TooManyRequests, Unauthenticated, Unavailable."""
        self.count_address(request)
        signed_in = await self._verifier.signed_in(request.headers.get("authorization"))
        accesses.of(request).signed_in = signed_in
        self.count_viewer(signed_in.viewer)
        return signed_in.viewer

    async def signed_in(self, authorization: str | None) -> SignedIn:
        """Return whose token this is, and until when it holds; counts nothing. Raises Unauthenticated, Unavailable."""
        return await self._verifier.signed_in(authorization)

    def count_address(self, connection: HTTPConnection) -> None:
        """Count a request of its address, if it is not this machine's own. Raises TooManyRequests."""
        if connection.client and (network := network_of(connection.client.host[:LONGEST_HOST])):
            self._of_addresses.count(network)

    def count_viewer(self, viewer: Viewer) -> None:
        """Count a request of a viewer. Raises TooManyRequests."""
        self._of_viewers.count(viewer.user_id, viewer.organization_id)


class Rate:
    """How often each of many may ask, on average and at once.

    The generic cell rate algorithm, of throttled-py: who asks evenly is never refused, who was refused may ask again
    as soon as there is room. It keeps one number for each who asks.
    """

    def __init__(self, per_minute: int, whose: str) -> None:
        self._per_minute = per_minute
        self._whose = whose
        quota, store = per_min(max(per_minute, 1)), MemoryStore(options={"MAX_SIZE": MOST_KNOWN})
        self._throttled = Throttled(using="gcra", quota=quota, store=store)

    def count(self, *who: Hashable) -> None:
        """Count one request. Raises TooManyRequests; never when the settings say 0 a minute."""
        if not self._per_minute:
            return
        found = self._throttled.limit(":".join(map(str, who)))
        if found.limited:
            wait_s = math.ceil(found.state.retry_after)
            raise TooManyRequests(
                f"{self._per_minute:,} requests a minute are what {self._whose} may send. Try again in {wait_s} s.",
                wait_s,
            )


@lru_cache(maxsize=MOST_KNOWN)
def network_of(host: str) -> str | None:
    """Return what the requests of an address are counted under; None for this machine's own, and for no address."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host or None  # a proxy's own word for a client, for instance; none is a socket file's
    if isinstance(address, ipaddress.IPv6Address):
        address = address.ipv4_mapped or address
    if address.is_loopback:
        return None
    if address.version == 4:
        return str(address)
    return str(ipaddress.ip_network((address, HOST_BITS_V6), strict=False))
