"""`nova serve` and `nova relay`: one part of the platform as a process of its own."""

import ipaddress
import logging
import sys
from contextlib import AbstractAsyncContextManager, nullcontext
from functools import partial

from nova.app import rooms
from nova.app.callers import GATEWAY
from nova.app.control import controlled
from nova.app.ending import Ending
from nova.app.garbage import spare_what_stays
from nova.app.held import Here
from nova.app.house import House
from nova.app.projections import held_by
from nova.app.sources import of_config
from nova.native.build import require_current
from nova.platform.blobs import Blobs
from nova.platform.config import Config, Environment
from nova.platform.errors import NotFound
from nova.platform.knobs import BadConfig
from nova.platform.rpc.certificates import Certificates
from nova.platform.telemetry.knobs import LogFormat
from nova.platform.telemetry.log import set_up


async def serve(config: Config, name: str) -> None:
    """Serve the room `name`, or the gateway, until SIGTERM or SIGINT; then drain."""
    if name != GATEWAY and name not in rooms.ROOMS:
        raise NotFound(f"There is no room named {name!r}: use one of {', '.join((*rooms.ROOMS, GATEWAY))}.")
    require_current()
    certificates = certificates_of(config, name)
    log_to_stderr(config)
    held = () if name == GATEWAY else (name,)
    house = House(
        config,
        of_config(config, held),
        rooms=held,
        listen=True,
        gateway=name == GATEWAY,
        certificates=certificates,
        blobs=_blobs(config) if name == GATEWAY else None,
    )
    with Ending() as ending:
        async with _controlled(config, house), house:
            spare_what_stays()
            await ending.wait()


async def relay(config: Config, room: str | None) -> None:
    """Empty the outboxes of all rooms, or of one, into the log until SIGTERM or SIGINT."""
    if room is not None and room not in rooms.ROOMS:
        raise NotFound(f"There is no room named {room!r}: use one of {', '.join(rooms.ROOMS)}.")
    names = rooms.ROOMS if room is None else (room,)
    log_to_stderr(config)
    with Ending() as ending:
        async with House(config, of_config(config, names), rooms=(), relays=names):
            spare_what_stays()
            await ending.wait()


def _controlled(config: Config, house: House) -> AbstractAsyncContextManager[None]:
    """Answer at the socket of NOVA_CONTROL, if there is one, for what the room of this process holds."""
    path = config.server.control
    return (
        nullcontext() if path is None or not house.names else controlled(path, Here(partial(held_by, house)))
    )


def _blobs(config: Config) -> Blobs:
    """Return the object store with the pictures of the world, if there is one."""
    from nova.app.ground import blobs_of  # noqa: PLC0415 - rooms do without the painters

    return blobs_of(config)


def certificates_of(config: Config, part: str) -> Certificates | None:
    """Return the certificate under which a part calls and is called; None for plain calls on a developer's loopback.

    Raises `BadConfig` where calls would leave this machine in plain text, and in production where there is no
    certificate; `BadCertificate` where there is one that cannot be used.
    """
    if config.tls.files is not None:
        return Certificates(config.tls.files, part)
    keep_plain_calls_here(config)
    return None


def keep_plain_calls_here(config: Config) -> None:
    """Raise `BadConfig` where calls in plain text would leave this machine, and in production."""
    server = config.server
    if server.environment is Environment.PRODUCTION:
        raise BadConfig(
            "NOVA_TLS_CERTIFICATE",
            None,
            "in production rooms call each other over mutual TLS alone: give its files.",
        )
    fix = "plain calls stay on the loopback: give NOVA_TLS_CERTIFICATE, _KEY and _CA."
    if not _is_loopback(server.grpc_host):
        raise BadConfig("NOVA_GRPC_HOST", server.grpc_host, fix)
    for address in server.grpc_address("identity").removeprefix("ipv4:").split(","):
        if not _is_loopback(address.rpartition(":")[0]):
            raise BadConfig("NOVA_GRPC_TARGET", server.grpc_target, fix)


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def log_to_stderr(config: Config) -> None:
    """Send the logs of a process of its own to whoever runs it."""
    telemetry = config.telemetry
    set_up(
        stream=sys.stderr,
        level=logging.getLevelNamesMapping()[telemetry.log_level.upper()],
        console=telemetry.log_format is LogFormat.CONSOLE,
    )
