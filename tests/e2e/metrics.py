"""What the rooms of a platform have counted, as Prometheus reads it."""

import asyncio
import urllib.request
from itertools import product
from urllib.error import URLError

from prometheus_client.parser import text_string_to_metric_families

from nova.app import rooms
from nova.app.processes import all_ports, metrics_port_of, metrics_ports


async def counted(grpc_base: int, name: str, **labels: str) -> float:
    """Return the sum of a counter over all rooms, each a process, and over all labels but these."""
    first = grpc_base + all_ports() - metrics_ports()
    ports = [metrics_port_of(first, room, moved=moved) for room, moved in product(rooms.ROOMS, (False, True))]
    told = await asyncio.gather(*(asyncio.to_thread(_scraped, port) for port in ports))
    return sum(
        sample.value
        for text in told
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == name and labels.items() <= sample.labels.items()
    )


def _scraped(port: int) -> str:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30) as answer:
            text: str = answer.read().decode()
            return text
    except URLError:
        return ""  # each room is at one of its two ports
