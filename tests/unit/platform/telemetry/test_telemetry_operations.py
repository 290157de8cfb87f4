"""What any process answers at its metrics port."""

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest

from nova.app.ports import free_port
from nova.platform.errors import Unavailable
from nova.platform.health import Health
from nova.platform.telemetry.operations import MetricsPortTaken, operations


@asynccontextmanager
async def answering(health: Health, host: str = "127.0.0.1") -> AsyncIterator[httpx.AsyncClient]:
    port = free_port()
    at = f"[{host}]" if ":" in host else host
    async with operations(host, port, health), httpx.AsyncClient(base_url=f"http://{at}:{port}") as client:
        yield client


async def broken() -> None:
    raise Unavailable("Crashed: relay-social.")


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
async def test_it_is_scraped_until_it_ends(host: str) -> None:
    async with answering(Health(), host) as client:
        assert "tasks_failed_total" in (await client.get("/metrics")).text
        url = client.base_url
    async with httpx.AsyncClient(base_url=url) as late:
        with pytest.raises(httpx.ConnectError):
            await late.get("/metrics")


async def test_c1_a_port_that_another_program_holds_is_a_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as held:
        port = held.getsockname()[1]
        with pytest.raises(MetricsPortTaken, match="NOVA_METRICS_PORT"):
            async with operations("127.0.0.1", port, Health()):
                pass


async def test_it_says_whether_the_process_lives_and_is_ready() -> None:
    health = Health()
    health.begin()
    async with answering(health) as client:
        starting = await client.get("/readyz")
        assert (starting.status_code, starting.json()["checks"]) == (
            503,
            {"starting": "The process is starting."},
        )
        assert (await client.get("/livez")).status_code == 200
        health.open()
        ready = await client.get("/readyz")
        assert (ready.status_code, ready.json()) == (200, {"status": "ok", "checks": {}})
        health.add("tasks", broken, liveness=True)
        for path in ("/livez", "/readyz"):
            answer = await client.get(path)
            said = {"status": "failing", "checks": {"tasks": "Crashed: relay-social."}}
            assert (answer.status_code, answer.json()) == (503, said)
