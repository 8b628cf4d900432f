"""The pages that people open in a browser: built files of `web/`, under a strict content policy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import HTMLResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

if TYPE_CHECKING:
    import os
    from pathlib import Path

    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.types import Scope

# Nothing comes from another host and nothing is evaluated. Styles alone may be inline: Monaco writes its theme,
# cursor and decorations into <style> elements that it makes itself, and has no way to be given a nonce.
CONTENT_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data:",
        "font-src 'self'",
        "connect-src 'self'",
        "worker-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)
GUARDS = {
    "Content-Security-Policy": CONTENT_POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
# A page is asked for again each time, so that a new release shows at once; its assets carry a hash in their names.
ASK_AGAIN = "no-cache"
KEEP = "public, max-age=31536000, immutable"


def routes(dist: Path, *, is_graphiql_on: bool) -> list[Route | Mount]:
    """Serve the pages in `dist`: the timeline at `/`, GraphiQL at `/graphiql`, what they load at `/assets/`.

    Raises RuntimeError if `dist` or its assets are missing.
    """
    pages = GuardedFiles(dist, cache_control=ASK_AGAIN)
    assets = GuardedFiles(dist / "assets", cache_control=KEEP)
    # The only page offers no way to the other one.
    alone = (dist / "timeline.html").read_text().replace("<html", "<html data-alone", 1)

    async def timeline(request: Request) -> Response:
        if is_graphiql_on:
            return await pages.get_response("timeline.html", request.scope)
        return HTMLResponse(alone, headers=GUARDS | {"Cache-Control": ASK_AGAIN})

    async def graphiql(request: Request) -> Response:
        return await pages.get_response("graphiql.html", request.scope)

    return [
        Route("/", timeline),
        *([Route("/graphiql", graphiql)] if is_graphiql_on else ()),
        # Level 6 takes 0.6 of the time of level 9, and its answers are 0.4 % larger.
        Mount("/assets", GZipMiddleware(assets, compresslevel=6)),
    ]


class GuardedFiles(StaticFiles):
    """The files of one folder, each with the guards and with its word on caching."""

    def __init__(self, folder: Path, *, cache_control: str) -> None:
        super().__init__(directory=folder)
        self._headers = GUARDS | {"Cache-Control": cache_control}

    def file_response(
        self, full_path: str | os.PathLike[str], stat_result: os.stat_result, scope: Scope, status_code: int = 200
    ) -> Response:
        """Add the headers to scripts too: a worker obeys the policy that came with its own script."""
        response = super().file_response(full_path, stat_result, scope, status_code)
        response.headers.update(self._headers)
        return response
