"""What a server says of itself: a standby that is behind says by how much."""

import time

import pytest

from db.embedded import EmbeddedServer
from tests.apis import api
from tests.databases import fill_legacy, fill_migrated
from tests.restarts import own_postgres, standby_of

pytestmark = [pytest.mark.slow, pytest.mark.long]


def test_a_standby_that_is_behind_says_by_how_much(
    tmp_path_factory: pytest.TempPathFactory, postgres: EmbeddedServer
) -> None:
    with own_postgres(tmp_path_factory.mktemp("primary"), postgres.bin_dir) as primary:
        fill_legacy(primary.crm)
        fill_migrated(primary.crm)
        with (
            standby_of(primary, tmp_path_factory.mktemp("standby")) as standby,
            api(database_url=standby.crm.app_url) as running,
        ):
            level = running.client.get("/readyz")
            standby.crm.psql("SELECT pg_wal_replay_pause()")
            primary.crm.psql("UPDATE organizations SET name = name")
            time.sleep(1.5)
            behind = running.client.get("/readyz")
            standby.crm.psql("SELECT pg_wal_replay_resume()")

    (said,) = level.json()["missing"]
    assert "is a standby: it takes no changes" in said["detail"]
    (said,) = behind.json()["missing"]
    assert (503, 503) == (level.status_code, behind.status_code)
    assert " s behind: it takes no changes" in said["detail"]
