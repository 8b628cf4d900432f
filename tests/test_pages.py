"""The built pages are served whole, compressed, and under a policy that lets nothing foreign in."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from server.pages import routes

DIST = Path(__file__).parent.parent / "web" / "dist"
# What a telephone on a slow line has in a second or two.
MOST_BYTES = 140_000
ASSETS = sorted((DIST / "assets").iterdir())
MEDIA_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".ttf": "font/ttf",
}


@pytest.fixture(scope="module")
def client() -> Iterator[TestClient]:
    with TestClient(Starlette(routes=routes(DIST, is_graphiql_on=True)), follow_redirects=False) as client:
        yield client


@pytest.mark.parametrize(("path", "title"), [("/", "Taskline"), ("/graphiql", "Taskline GraphiQL")])
def test_a_page_is_served_at_its_address(client: TestClient, path: str, title: str) -> None:
    answer = client.get(path)

    assert 200 == answer.status_code
    assert f"<title>{title}</title>" in answer.text


def test_a_page_allows_no_foreign_script_and_no_frame_around_it(client: TestClient) -> None:
    answer = client.get("/graphiql")

    policy = dict(rule.split(" ", 1) for rule in answer.headers["content-security-policy"].split("; "))
    assert "'none'" == policy["default-src"]
    assert "'self'" == policy["script-src"]
    assert "'self'" == policy["connect-src"]
    assert "'none'" == policy["frame-ancestors"]
    assert "nosniff" == answer.headers["x-content-type-options"]
    assert "no-referrer" == answer.headers["referrer-policy"]


def test_a_page_is_asked_for_again_and_sent_again_only_when_it_changed(client: TestClient) -> None:
    first = client.get("/graphiql")

    again = client.get("/graphiql", headers={"If-None-Match": first.headers["etag"]})

    assert "no-cache" == first.headers["cache-control"]
    assert "text/html; charset=utf-8" == first.headers["content-type"]
    assert (304, b"") == (again.status_code, again.content)


@pytest.mark.parametrize("path", ["/", "/graphiql"])
def test_a_page_holds_no_inline_script_and_no_foreign_address(client: TestClient, path: str) -> None:
    html = client.get(path).text

    assert not re.search(r"<script(?![^>]*\bsrc=)", html)
    assert not re.search(r"\son\w+=|javascript:", html)
    assert [] == [link for link in re.findall(r'(?:src|href)="([^"]*)"', html) if not link.startswith("/assets/")]


@pytest.mark.parametrize("path", ASSETS, ids=lambda path: path.name)
def test_an_asset_is_typed_kept_for_good_and_whole_after_compression(client: TestClient, path: Path) -> None:
    answer = client.get(f"/assets/{path.name}")

    assert path.read_bytes() == answer.content
    assert MEDIA_TYPES[path.suffix] == answer.headers["content-type"]
    assert "public, max-age=31536000, immutable" == answer.headers["cache-control"]
    assert "nosniff" == answer.headers["x-content-type-options"]


def test_a_script_is_sent_compressed_to_who_accepts_it(client: TestClient) -> None:
    script = max(ASSETS, key=lambda path: path.stat().st_size)

    accepting = client.get(f"/assets/{script.name}", headers={"Accept-Encoding": "gzip"})
    refusing = client.get(f"/assets/{script.name}", headers={"Accept-Encoding": "identity"})

    assert "gzip" == accepting.headers["content-encoding"]
    assert "content-encoding" not in refusing.headers
    assert accepting.content == refusing.content


def test_the_timeline_is_light(client: TestClient) -> None:
    scripts = re.findall(r'"(/assets/[^"]+\.js)"', client.get("/").text)

    sent = [client.get(path, headers={"Accept-Encoding": "gzip"}).num_bytes_downloaded for path in scripts]

    assert min(sent) > 0
    assert sum(sent) <= MOST_BYTES


@pytest.mark.parametrize("name", ["nothing.js", "..%2fgraphiql.html", "%2fetc%2fpasswd", "%00", "x" * 5_000])
def test_what_is_no_asset_is_not_found_and_not_kept(client: TestClient, name: str) -> None:
    answer = client.get(f"/assets/{name}")

    assert 404 == answer.status_code
    assert "cache-control" not in answer.headers


def test_an_asset_is_only_read(client: TestClient) -> None:
    assert 405 == client.post(f"/assets/{ASSETS[0].name}").status_code


def test_where_graphiql_is_off_the_timeline_is_guarded_too_and_offers_no_way_there() -> None:
    with TestClient(Starlette(routes=routes(DIST, is_graphiql_on=False))) as client:
        answer = client.get("/")

    styles = "".join(path.read_text() for path in ASSETS if path.suffix == ".css")
    assert '<html data-alone lang="en">' in answer.text
    assert ":root[data-alone] .masthead__pages{display:none}" in styles
    assert ("no-cache", "nosniff") == (answer.headers["cache-control"], answer.headers["x-content-type-options"])
    assert "script-src 'self'" in answer.headers["content-security-policy"]
