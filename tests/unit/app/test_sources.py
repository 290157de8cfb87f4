"""Where the engines answer, as configuration and data folder say it."""

from contextlib import aclosing
from pathlib import Path

import pytest
from obstore.store import S3Store

from nova.app import rooms
from nova.app.engines.embedded import Engines
from nova.app.engines.errors import FolderUnusable
from nova.app.engines.passwords import role_passwords
from nova.app.house import House, database_config
from nova.app.sources import of_config, store_of
from nova.platform.blobs import Blobs
from nova.platform.configure import load
from nova.platform.db.metrics import REPLICA_READS
from nova.platform.knobs import BadConfig
from tests.unit.app.own_house import configured, prepared

SERVER = "postgresql://admin:s%40cret@db.example.org:5433/postgres"
REDIS = "redis://:hush@cache.example.org/3"


@pytest.fixture
def passwords(tmp_path: Path) -> str:
    """The passwords that the process of feed is given: its own, and the log's."""
    for role, password in {"nova_feed": "p@ss", "nova_log": "l/g"}.items():
        (tmp_path / role).write_text(f"{password}\n")
    return str(tmp_path)


def test_a_room_has_its_own_role_and_its_password(passwords: str) -> None:
    config = load(
        {
            "NOVA_POSTGRES_URL": SERVER,
            "NOVA_POSTGRES_REPLICA_URL": "postgresql://reader@replica.example.org/postgres",
            "NOVA_REDIS_URL": REDIS,
            "NOVA_POSTGRES_PASSWORDS": passwords,
        }
    )
    sources = of_config(config, ("feed",))
    assert sources.room_dsns == {"feed": "postgresql://nova_feed:p%40ss@db.example.org:5433/nova"}
    assert sources.replica_dsns == {"feed": "postgresql://nova_feed:p%40ss@replica.example.org/nova"}
    # The relay reaches the room under a role of its own, whose password this process is not given.
    assert sources.outbox_dsns == {
        "feed": "postgresql://nova_relay@db.example.org:5433/nova?search_path=%22feed%22"
    }
    assert sources.log_dsn == "postgresql://nova_log:l%2Fg@db.example.org:5433/nova"
    assert of_config(config, ("user",)).room_dsns == {
        "user": "postgresql://nova_user@db.example.org:5433/nova"
    }, "it is not given"
    assert sources.redis_url == REDIS


def test_without_a_folder_of_passwords_each_role_has_the_one_that_was_made_for_it(tmp_path: Path) -> None:
    made = role_passwords(tmp_path / "secrets.json", ["nova_feed"])
    config = load({"NOVA_POSTGRES_URL": SERVER, "NOVA_REDIS_URL": REDIS, "NOVA_DATA": str(tmp_path)})
    sources = of_config(config, ("feed",))
    assert f"nova_feed:{made['nova_feed']}@" in sources.room_dsns["feed"]
    assert sources.log_dsn == "postgresql://nova_log@db.example.org:5433/nova"
    assert sources.replica_dsns == {}


@pytest.mark.parametrize("missing", ["NOVA_POSTGRES_URL", "NOVA_REDIS_URL"])
def test_what_is_not_configured_is_named(missing: str) -> None:
    given = {"NOVA_POSTGRES_URL": SERVER, "NOVA_REDIS_URL": REDIS}
    del given[missing]
    with pytest.raises(BadConfig, match=missing):
        of_config(load(given), ("feed",))


def test_rooms_go_through_the_pooler_and_relays_past_it(passwords: str) -> None:
    config = load(
        {
            "NOVA_POSTGRES_URL": SERVER,
            "NOVA_POSTGRES_POOLER_URL": "postgresql://pooler.example.org:6432/postgres",
            "NOVA_REDIS_URL": REDIS,
            "NOVA_POSTGRES_PASSWORDS": passwords,
        }
    )
    sources = of_config(config, ("feed",))
    served, relayed = (database_config(sources, "feed", is_served=is_served) for is_served in (True, False))
    assert served.dsn == "postgresql://nova_feed:p%40ss@pooler.example.org:6432/nova"
    assert (relayed.dsn, relayed.behind_pooler) == (sources.outbox_dsns["feed"], False)


def test_a_folder_of_passwords_that_is_not_there_is_named(tmp_path: Path) -> None:
    absent = str(tmp_path / "absent")
    config = load({"NOVA_POSTGRES_URL": SERVER, "NOVA_REDIS_URL": REDIS, "NOVA_POSTGRES_PASSWORDS": absent})
    with pytest.raises(FolderUnusable, match=f"{absent}.*NOVA_POSTGRES_PASSWORDS"):
        of_config(config, ("feed",))


async def test_configured_engines_are_used_and_reads_go_to_the_replica(
    engines: Engines, tmp_path: Path
) -> None:
    config = configured(engines, tmp_path, NOVA_POSTGRES_REPLICA_URL=engines.postgres_dsn())
    async with prepared(config) as sources, House(config, sources, rooms=rooms.ROOMS) as house:
        database = house.database("user")
        assert await database.fetchval("SELECT current_user") == "nova_user"
        behind = REPLICA_READS.labels("user", "behind")._value.get()
    assert behind >= 1, "that server is no replica: it was asked, and has applied nothing"
    assert not (tmp_path / "data" / "postgres").exists()


async def test_objects_lie_in_the_bucket_that_is_named_and_else_in_the_data_folder(tmp_path: Path) -> None:
    bucket = {
        "NOVA_S3_URL": "https://s3.example.org/pictures", "NOVA_S3_ACCESS_KEY": "a", "NOVA_S3_SECRET_KEY": "s",
    }  # fmt: skip
    here = {"NOVA_DATA": str(tmp_path)}
    assert isinstance(store_of(load({**here, **bucket})).reads, S3Store)
    assert not (tmp_path / "blobs").exists()
    async with aclosing(Blobs(store_of(load(here)))) as blobs:
        await blobs.put("a/1.bin", b"1")
    assert (tmp_path / "blobs" / "a" / "1.bin").read_bytes() == b"1"
