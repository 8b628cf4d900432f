"""What a server says of itself: a standby that is behind says by how much."""

import pytest

from db.embedded import EmbeddedServer
from tests.apis import Api, api
from tests.deadlines import eventually
from tests.restarts import own_crm, standby_of

pytestmark = [pytest.mark.slow, pytest.mark.long]


def test_a_standby_that_is_behind_says_by_how_much(
    tmp_path_factory: pytest.TempPathFactory, postgres: EmbeddedServer
) -> None:
    with (
        own_crm(tmp_path_factory.mktemp("primary"), postgres.bin_dir) as primary,
        standby_of(primary, tmp_path_factory.mktemp("standby")) as standby,
        api(database_url=standby.crm.app_url) as running,
    ):
        change = "UPDATE organizations SET name = name"
        primary.crm.psql(change)
        assert eventually(lambda: "is a standby: it takes no changes" in said(running))
        standby.crm.psql("SELECT pg_wal_replay_pause()")
        primary.crm.psql(change)
        assert eventually(lambda: " s behind: it takes no changes" in said(running))
        standby.crm.psql("SELECT pg_wal_replay_resume()")
        assert eventually(lambda: "is a standby: it takes no changes" in said(running))


def said(running: Api) -> str:
    ready = running.client.get("/readyz")
    assert 503 == ready.status_code
    (missing,) = ready.json()["missing"]
    return str(missing["detail"])
