"""The platform in both shapes: all in one process, and each room in a process of its own over mutual TLS."""

from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

import httpx

from nova.app import rooms
from nova.app.engines.embedded import Engines
from nova.app.house import House
from nova.app.ports import free_port, free_range
from nova.app.prepare import prepare
from nova.app.processes import all_ports, processes
from nova.app.progress import progress
from nova.app.seed import Seeder
from nova.app.sources import of_engines
from nova.platform.blobs import Blobs
from nova.platform.configure import load
from nova.platform.ids import uuid7
from tests.e2e.metrics import counted
from tests.e2e.nova import Nova, account_id
from tests.e2e.processes import environment
from tests.real import ENGINES, corner, empty, patient_neo4j, real_bucket
from tests.waiting import until

ONE_PROCESS = "one-process"
PROCESS_PER_ROOM = "process-per-room"
REAL_ENGINES = "real-engines"
SECRET = "a-secret-for-the-end-to-end-suite-only"
KEK = "a-key-that-seals-keys-for-this-suite-only"


@asynccontextmanager
async def one_process(folder: Path, **settings: str) -> AsyncIterator[Nova]:
    """Yield the platform as `nova up` composes it, without a world."""
    async with inhabited(folder, **{"NOVA_WORLD": "none", **settings}) as (nova, _):
        yield nova


@asynccontextmanager
async def inhabited(folder: Path, **settings: str) -> AsyncIterator[tuple[Nova, House]]:
    """Yield the platform as `nova up` composes it, with the world of the settings, and the house that it is."""
    own = {"NOVA_PORT": "0", "NOVA_DATA": str(folder / "data"), "NOVA_LIMITS": "off", **settings}
    config = load({**own, "NOVA_SECRET": SECRET, "NOVA_IDENTITY_KEK": KEK})
    async with Engines(config.server.data, rooms=rooms.ROOMS) as engines:
        sources = of_engines(engines)
        await prepare(sources, rooms.ROOMS)
        await Seeder(config, sources, progress(quiet=True)).seed(config.server.world)
        async with House(config, sources, rooms=rooms.ROOMS, relays=rooms.ROOMS, gateway=True) as house:
            nova = Nova(house.url, ONE_PROCESS, engines=engines, sources=sources)
            yield nova, house
            await nova.aclose()


@asynccontextmanager
async def process_per_room(folder: Path, **settings: str) -> AsyncIterator[Nova]:
    """Yield the platform as `nova up --processes` runs it: its supervisor, and a process for each part."""
    port, base = free_port(), free_range(all_ports())
    async with Engines(
        folder / "data",
        rooms=rooms.ROOMS,
        postgres_url=settings.get("NOVA_POSTGRES_URL"),
        redis_url=settings.get("NOVA_REDIS_URL"),
    ) as engines:
        own = {
            "NOVA_PORT": str(port),
            "NOVA_GRPC_PORT_BASE": str(base),
            "NOVA_DATA": str(folder / "data"),
            "NOVA_POSTGRES_URL": engines.postgres_dsn(),
            "NOVA_REDIS_URL": engines.redis_url,
            "NOVA_LIMITS": "off",
            "NOVA_SECRET": SECRET,
            "NOVA_IDENTITY_KEK": KEK,
            **settings,
        }
        config = load(own)
        sources = of_engines(engines, config)
        await prepare(sources, rooms.ROOMS)
        log = folder / "parts.log"
        with log.open("a", buffering=1) as out:
            async with processes(
                config,
                {**environment(), **own},
                run=engines.folder.run,
                write=lambda _, line: out.write(line),
            ) as supervisor:
                nova = Nova(
                    f"http://127.0.0.1:{port}",
                    PROCESS_PER_ROOM,
                    engines=engines,
                    sources=sources,
                    processes=supervisor,
                    grpc_base=base,
                )
                yield nova
                await nova.aclose()
                codes = await supervisor.stop(first=("gateway",))
                assert set(codes.values()) == {0}, (codes, log.read_text()[-4000:])


@asynccontextmanager
async def on_real_engines(folder: Path, **settings: str) -> AsyncIterator[Nova]:
    """Yield the platform as `process_per_room` does, on PostgreSQL with pooler and replica, Redis, Kafka and S3."""
    await empty()
    async with (
        corner("e2e") as cluster,
        process_per_room(folder, **ENGINES, NOVA_KAFKA_PREFIX=cluster.prefix, **settings) as nova,
    ):
        await until(lambda: _hears_events(nova), within_s=60)
        yield nova
        # Where Neo4j, the replica or the bucket is left out others answer, and nothing above would have failed.
        await _until_neo4j_hears(nova)
        await _serves_from_the_bucket(nova)
        assert await counted(nova.grpc_base, "db_replica_reads_total", outcome="served") > 0


async def _until_neo4j_hears(nova: Nova) -> None:
    """Return once a follow is in Neo4j. Which walks it answers in time the load of the machine decides."""
    one, other = await nova.newcomer(), await nova.newcomer()
    await nova.do("followUser", "state", one, userId=other.id)
    follower = {"id": str(account_id(one))}
    async with patient_neo4j() as neo4j:

        async def follows() -> bool:
            return bool(await neo4j.ask("MATCH (:User {id: $id})-[:FOLLOWS]->(other) RETURN other", follower))

        await until(follows, within_s=60, every_s=0.1)


async def _serves_from_the_bucket(nova: Nova) -> None:
    """Have the gateway show what somebody else has put into the bucket."""
    key = f"media/{uuid7().hex}.webp"
    async with aclosing(Blobs.s3(real_bucket())) as blobs, httpx.AsyncClient() as client:
        info = await blobs.put(key, b"a picture")
        shown = await client.get(f"{nova.url}/{key}")
        assert (shown.content, shown.headers["content-type"], shown.headers["etag"]) == (
            b"a picture", info.content_type, info.etag,
        )  # fmt: skip
        await blobs.delete(key)


async def _hears_events(nova: Nova) -> bool:
    """Return whether an event gets from room to room: joining a group takes longer than beginning to serve."""
    signed_up = "userErrors { code } viewer { user { id } }"
    document = f"mutation($input: SignUpInput!) {{ signUp(input: $input) {{ {signed_up} }} }}"
    name = f"first_{uuid7().hex[-8:]}"
    mail = f"{name}@example.org"
    account = {"handle": name, "email": mail, "password": "correct horse battery", "displayName": "First"}
    return "errors" not in await nova.ask(document, {"input": account})


async def is_ready(nova: Nova) -> bool:
    """Return whether every part says that it can serve."""
    assert nova.processes is not None
    return all([await nova.processes.serves(name) for name in nova.processes.parts])
