"""The demo's sign-in: a token for whoever sits at the machine, and for nobody else."""

from collections.abc import Iterator
from uuid import uuid4

import httpx2
import pytest

from resolvers.viewers import Role
from tests.apis import Api, api
from tests.organizations import Organization, new_organization
from tests.owners import Owner


@pytest.fixture(scope="module")
def demo(owner: Owner) -> Organization:
    """An organization with somebody of each role, but for viewers, of whom the only one has left."""
    organization = new_organization(owner)
    organization.user(role="admin", first_name="Ada", last_name="Boss", email="a@example.test")
    organization.user(role="viewer", is_active="false")
    return organization


@pytest.fixture(scope="module")
def served(demo: Organization) -> Iterator[Api]:
    with api(database_url=demo.owner.database.app_url, demo_organization_id=demo.id) as running:
        yield running


def asked(served: Api, role: object = "user", **headers: str) -> httpx2.Response:
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    return served.client.post("/demo/token", json={"role": role}, headers=given)


@pytest.mark.parametrize("role", [Role.ADMIN, Role.USER])
def test_a_token_of_a_role_is_given_and_accepted(served: Api, demo: Organization, role: Role) -> None:
    given = asked(served, role.value)

    viewer = served.client.post(
        "/graphql",
        json={"query": "{ viewer { organizationId role } }"},
        headers={"Authorization": f"Bearer {given.json()['token']}"},
    )
    assert {"organizationId": str(demo.id), "role": role.name} == viewer.json()["data"]["viewer"]
    assert role.name == given.json()["user"]["role"]
    assert "no-store" == given.headers["cache-control"]


def test_the_person_is_named(served: Api) -> None:
    user = asked(served, "ADMIN").json()["user"]

    assert {"id", "displayName", "role"} == set(user)
    assert "Ada Boss" == user["displayName"]


@pytest.mark.slow
def test_the_person_is_of_the_demos_organization_without_row_security_too(demo: Organization) -> None:
    other = new_organization(demo.owner)
    other.user(role="admin", first_name="Aaron", email="a.first@example.test")  # comes before Ada by e-mail

    with api(
        database_url=demo.owner.database.owner_url, allow_unbound_role=True, demo_organization_id=demo.id
    ) as unbound:
        user = asked(unbound, "admin").json()["user"]

    assert "Ada Boss" == user["displayName"]


def test_a_role_that_nobody_has_is_not_found(served: Api) -> None:
    response = asked(served, "viewer")

    assert (404, "NOT_FOUND") == (response.status_code, response.json()["errors"][0]["extensions"]["code"])


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "[::1]", "LOCALHOST"])
def test_our_own_page_is_given_a_token_by_each_name_of_this_machine(served: Api, name: str) -> None:
    port = served.client.base_url.port
    origin = f"http://{name}:{port}"

    assert 200 == asked(served, host=f"{name}:{port}", origin=origin.lower()).status_code


@pytest.mark.parametrize(
    "host",
    [
        "evil.example.test",
        "evil.example.test:{port}",
        "localhost",
        "localhost:1",
        "localhost.evil.test:{port}",
        "127.0.0.1.evil.test:{port}",
        "0.0.0.0:{port}",
        "10.0.0.1:{port}",
        "localhost:{port}x",
        "[::1",
        "",
        "@localhost:{port}x",
    ],
)
def test_a_name_that_is_not_this_machines_is_refused(served: Api, host: str) -> None:
    response = asked(served, host=host.format(port=served.client.base_url.port))

    assert response.status_code in {400, 403}
    assert "token" not in response.json()


@pytest.mark.parametrize(
    "origin",
    [
        "http://evil.example.test",
        "null",
        "",
        "https://localhost:{port}",
        "http://localhost:1",
        "http://localhost",
        "http://localhost.evil.test:{port}",
        "file://",
        "http://evil.test@x:{port}",
        "http://[::1",
    ],
)
def test_a_page_of_another_site_is_refused(served: Api, origin: str) -> None:
    response = asked(served, origin=origin.format(port=served.client.base_url.port))

    assert (403, "FORBIDDEN") == (response.status_code, response.json()["errors"][0]["extensions"]["code"])


@pytest.mark.parametrize("role", ["boss", "", None, 1, ["admin"], {"admin": 1}])
def test_an_unknown_role_is_bad_user_input(served: Api, role: object) -> None:
    response = asked(served, role)

    assert (400, "BAD_USER_INPUT") == (response.status_code, response.json()["errors"][0]["extensions"]["code"])


@pytest.mark.parametrize(
    ("content", "content_type", "status"),
    [
        (b'{"role": "admin"}', "text/plain", 415),
        (b"role=admin", "application/x-www-form-urlencoded", 415),
        (b"null", "application/json", 400),
        (b"{", "application/json", 400),
        (b"\xff", "application/json", 400),
        (b"[" * 500, "application/json", 400),
        (b" " * 1_001, "application/json", 413),
    ],
)
def test_what_a_page_can_send_without_asking_first_is_refused(
    served: Api, content: bytes, content_type: str, status: int
) -> None:
    response = served.client.post("/demo/token", content=content, headers={"content-type": content_type})

    assert status == response.status_code
    assert "errors" in response.json()


@pytest.mark.parametrize("method", ["GET", "PUT", "OPTIONS"])
def test_tokens_are_given_by_post_only(served: Api, method: str) -> None:
    response = served.client.request(method, "/demo/token")

    assert 405 == response.status_code
    assert "errors" in response.json()


@pytest.mark.slow
@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"demo_organization_id": uuid4(), "host": "0.0.0.0"},  # noqa: S104 only to see that it is refused
        {"demo_organization_id": uuid4(), "host": "example.test"},
    ],
)
def test_outside_of_a_demo_on_this_machine_there_are_no_tokens(settings: dict[str, object]) -> None:
    with api(**settings) as running:  # type: ignore[arg-type]
        assert 404 == asked(running).status_code
