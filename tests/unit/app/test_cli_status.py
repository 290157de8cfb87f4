"""`nova status`, `nova token` and `nova doctor`."""

import json
import socket

import pytest

from nova.app.ports import free_port
from tests.bolt import PlayedNeo4j
from tests.real import ENGINES, on_s3
from tests.unit.app.commands import Commands


async def test_status_of_one_that_runs(nova: Commands) -> None:
    shown = await nova("status")
    assert shown.code == 0
    assert shown.out.startswith(f"ready: {nova.instance.url} (process {nova.instance.pid})")
    assert "feed-postings      ok" in shown.out
    (said,) = (await nova("status", "--json")).lines
    assert said["ready"]
    assert said["url"] == nova.instance.url
    assert set(said["checks"].values()) == {"ok"}


async def test_status_where_none_runs(nowhere: Commands) -> None:
    shown = await nowhere("status")
    assert shown.code == 4
    assert f"nova up --data {nowhere.data}" in shown.out
    assert (await nowhere("status", "--json")).lines == [{"running": False}]


async def test_an_instance_that_was_killed_does_not_run(nova: Commands, nowhere: Commands) -> None:
    nowhere.data.mkdir()
    left = json.loads((nova.data / "instance.json").read_text())
    (nowhere.data / "instance.json").write_text(
        json.dumps({**left, "control": str(nowhere.data / "nova.sock")})
    )
    assert (await nowhere("status", "--json")).lines == [{"running": False}]


async def test_a_token_for_curl(nova: Commands) -> None:
    await nova.sign_up("ada_of_tokens")
    given = await nova("token", "ada_of_tokens")
    assert given.code == 0
    assert given.out.count(".") == 2
    refused = await nova("token", "ada_of_tokens", "--password", "not his password")
    assert refused.code == 1
    assert refused.out == ""
    assert "--password" in refused.err
    assert "Traceback" not in refused.err


async def test_no_token_where_none_runs(nowhere: Commands) -> None:
    refused = await nowhere("token", "ada")
    assert refused.code == 4
    assert "nova up" in refused.err


async def test_doctor_finds_all_in_order(nova: Commands) -> None:
    port = nova.instance.url.rpartition(":")[2]
    shown = await nova("doctor", NOVA_PORT=port)
    assert shown.code == 0, shown.out
    assert [line.partition(" ")[0] for line in shown.out.splitlines()] == ["ok"] * 6
    assert f"is answered by process {nova.instance.pid}" in shown.out


async def test_doctor_says_what_to_do(nowhere: Commands) -> None:
    nowhere.data.parent.joinpath("file").touch()
    with socket.create_server(("127.0.0.1", 0)) as other:
        shown = await nowhere(
            "doctor", "--data", str(nowhere.data.parent / "file" / "data"),
            NOVA_PORT=str(other.getsockname()[1]),
            NOVA_REDIS_URL=f"unix://{nowhere.data}/nobody.sock",
            NOVA_S3_URL=f"http://127.0.0.1:{free_port()}/pictures",
            NOVA_S3_ACCESS_KEY="nova",
            NOVA_S3_SECRET_KEY="hush",
        )  # fmt: skip
    assert shown.code == 1
    broken = {line.split()[1]: line for line in shown.out.splitlines() if line.startswith("broken")}
    assert set(broken) == {"Valkey", "objects", "data", "port"}
    assert "/pictures: " in broken["objects"]
    assert "NOVA_REDIS_URL" in broken["Valkey"]
    assert "--data" in broken["data"]
    assert "--port" in broken["port"]


@on_s3
async def test_doctor_finds_the_bucket(nowhere: Commands) -> None:
    bucket = {name: value for name, value in ENGINES.items() if name.startswith("NOVA_S3_")}
    shown = await nowhere("doctor", **bucket)
    assert f"ok      objects      answers at {bucket['NOVA_S3_URL']}" in shown.out.splitlines()
    refused = await nowhere("doctor", **{**bucket, "NOVA_S3_SECRET_KEY": "not-the-one"})
    assert refused.code == 1
    assert "NOVA_S3_ACCESS_KEY" in refused.out


@pytest.mark.parametrize(
    ("agent", "code", "told"),
    [
        ("Neo4j/5.26.0", 0, "ok      Neo4j        5.26 at bolt://127.0.0.1:"),
        ("Neo4j/5.22.0", 1, "Neo4j is 5.22: run 5.23 or newer, or unset NOVA_NEO4J_URL."),
    ],
)
async def test_doctor_looks_at_the_neo4j_that_is_named(
    nowhere: Commands, agent: str, code: int, told: str
) -> None:
    async with PlayedNeo4j(agent=agent).open() as server:
        shown = await nowhere("doctor", NOVA_PORT="0", NOVA_NEO4J_URL=server.url)
    assert shown.code == code, shown.out
    assert told in shown.out


async def test_doctor_says_that_neo4j_is_away(nowhere: Commands) -> None:
    shown = await nowhere("doctor", NOVA_PORT="0", NOVA_NEO4J_URL="bolt://someone:secret@127.0.0.1:9")
    assert shown.code == 1
    assert "broken  Neo4j        bolt://127.0.0.1:9: Neo4j does not answer: try again." in shown.out
    assert "secret" not in shown.out
