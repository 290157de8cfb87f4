"""The platform as processes side by side, as in production: each room, the gateway and the relay, over mutual TLS.

`nova up --processes` runs it on one machine. The supervisor is the certificate authority, renews certificates long
before they expire, and on SIGHUP replaces each room in turn without a gap.
"""

import asyncio
import os
import signal
import sys
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import replace
from functools import partial
from http import HTTPStatus
from http.client import HTTPException
from pathlib import Path
from typing import Final

import grpc
import structlog
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from grpc_health.v1.health_pb2_grpc import HealthStub

from nova.app import rooms
from nova.app.at_rest import CopiesAtRest
from nova.app.authority import SUPERVISOR, files_of, issue_all, variables_of
from nova.app.callers import GATEWAY
from nova.app.control import SOCKET, HeldAt, controlled
from nova.app.engines.addresses import without_user
from nova.app.ground import Ground, ground
from nova.app.held import Held, Together
from nova.app.instance import Instance, announced
from nova.app.log_file import PartLogs
from nova.app.ports import free_port, require_free
from nova.app.progress import Progress
from nova.app.renewal import keep_renewed
from nova.app.sources import Sources
from nova.app.supervisor import Part, PartEnded, Supervisor, Write
from nova.platform.config import ROOMS as EVERY_ROOM
from nova.platform.config import Config, Environment
from nova.platform.configure import environ_for, plain
from nova.platform.errors import Unavailable
from nova.platform.knobs import BadConfig
from nova.platform.rpc.certificates import Certificates
from nova.platform.rpc.channel import LONGEST_RECONNECT_S
from nova.platform.rpc.peers import host_of

RELAY: Final = "relay"
READY_S: Final = 120.0
OVERLAP_S: Final = LONGEST_RECONNECT_S * 1.2 + 0.5
"""How long two of a room run beside each other when one replaces the other: by then every caller knows both."""

_NOVA: Final = (sys.executable, "-m", "nova.app")
_METERED: Final = (*rooms.ROOMS, RELAY, GATEWAY)
_GRPC_PORTS: Final = 2 * len(EVERY_ROOM) + 1
_LAST_PORT: Final = 65535
_ASK_S: Final = 2.0
_POSTGRES: Final = ("NOVA_POSTGRES_URL", "NOVA_POSTGRES_REPLICA_URL", "NOVA_POSTGRES_POOLER_URL")
_TARGET: Final = "ipv4:127.0.0.1:{port},127.0.0.1:{spare}"
# Whatever proxy the environment names for the world outside.
_direct: Final = urllib.request.build_opener(urllib.request.ProxyHandler({}))
_log = structlog.get_logger(__name__)


@asynccontextmanager
async def platform_of_processes(config: Config, *, told: Progress) -> AsyncIterator[tuple[Instance, Ground]]:
    """Yield a running platform, a process a part. Its people rest: their life is led in one process."""
    if config.server.environment is Environment.PRODUCTION:
        raise BadConfig(
            "NOVA_ENVIRONMENT",
            "production",
            "the authority of `nova up --processes` lies in a folder: use `nova serve`.",
        )
    server = replace(
        config.server, data=config.server.data.absolute(), port=config.server.port or free_port()
    )
    config = replace(config, server=server)
    async with AsyncExitStack() as stack:
        below = await stack.enter_async_context(ground(config, told))
        _require_ports(config)
        run = below.engines.folder.run
        told.step("Starting a process for each room")
        logs = stack.enter_context(PartLogs(below.log.path.parent))
        supervisor = await stack.enter_async_context(
            processes(config, environment_of(config, below, os.environ), run=run, write=logs.write)
        )
        _roll_on_hangup(supervisor, stack)
        socket = run / SOCKET
        await stack.enter_async_context(controlled(socket, held_by_rooms(supervisor, run, below.sources)))
        url = f"http://{server.host}:{server.port}"
        instance = Instance(pid=os.getpid(), url=url, control=socket, sources=below.sources)
        stack.enter_context(announced(server.data, instance))
        yield instance, below


@asynccontextmanager
async def processes(
    config: Config,
    environment: Mapping[str, str],
    *,
    run: Path,
    write: Write,
    fit: Callable[[Part], Part] = lambda part: part,
) -> AsyncIterator[Supervisor]:
    """Yield the supervisor of all parts, once every one serves. At the end the gateway goes first, then the rest.

    `run` is a folder for sockets, closed to others; `fit` may change a part before it starts.
    """
    certificates = config.server.data / "certificates"
    await asyncio.to_thread(issue_all, certificates)
    supervisor = Supervisor(write=write, drain_s=config.server.drain_s, start_s=READY_S)
    parts = [fit(part) for part in parts_of(config, environment, certificates, run)]
    renewing = asyncio.create_task(keep_renewed(certificates), name="certificates")
    try:
        for part in parts:
            await supervisor.begin(part)
        for part in parts:
            await _ready(supervisor, part.name)
        yield supervisor
    finally:
        renewing.cancel()
        await asyncio.wait([renewing])
        codes = await supervisor.stop(first=(GATEWAY,))
        for name, code in codes.items():
            if code != 0:
                _log.warning("part_ended_badly", part=name, exit_code=code)


def _require_ports(config: Config) -> None:
    """Raise `PortTaken` where a part would not get its port: it would be started again and again, in vain."""
    server = config.server
    require_free(server.host, server.port, instead="another with --port")
    for spare in (False, True):
        for room in rooms.ROOMS:
            port = replace(server, grpc_spare=spare).grpc_port_here(room)
            require_free(server.grpc_host, port, instead="others with NOVA_GRPC_PORT_BASE")
        for part in _METERED:
            port = _metrics_port(config, part, moved=spare)
            require_free(server.grpc_host, port, instead="others with NOVA_METRICS_PORT")


def parts_of(config: Config, environment: Mapping[str, str], certificates: Path, run: Path) -> Sequence[Part]:
    """Return all parts of a platform, in the order in which they start.

    Each gets of the environment what it reads: its own secrets, and no administrator of PostgreSQL.
    """
    own = Certificates(files_of(certificates, SUPERVISOR), SUPERVISOR)
    places = {name: without_user(environment[name]) for name in _POSTGRES if environment.get(name)}
    base = {**environment, **places, "NOVA_GRPC_TARGET": _TARGET}

    def alone(part: str) -> dict[str, str]:
        return {**environ_for(part, base), **_metered(config, part)}

    def with_certificate(part: str) -> dict[str, str]:
        return {**alone(part), **variables_of(files_of(certificates, part))}

    return [
        *(
            Part(
                name=room,
                command=(*_NOVA, "serve", room),
                environment={**with_certificate(room), **_controlled(run, room)},
                serves=partial(room_serves, config, own, room),
                lives=partial(part_lives, config, room),
                moved={
                    "NOVA_GRPC_SPARE": "on",
                    **_metered(config, room, moved=True),
                    **_controlled(run, room, moved=True),
                },
            )
            for room in rooms.ROOMS
        ),
        Part(
            name=RELAY,
            command=(*_NOVA, RELAY),
            environment=alone(RELAY),
            serves=partial(relay_serves, config),
            lives=partial(part_lives, config, RELAY),
            moved=_metered(config, RELAY, moved=True),
        ),
        Part(
            name=GATEWAY,
            command=(*_NOVA, "serve", GATEWAY),
            environment=with_certificate(GATEWAY),
            serves=partial(gateway_serves, f"http://{config.server.host}:{config.server.port}"),
            lives=partial(part_lives, config, GATEWAY),
        ),
    ]


def all_ports() -> int:
    """Return how many ports in a row, from NOVA_GRPC_PORT_BASE on, all parts need where NOVA_METRICS_PORT is unset."""
    return _GRPC_PORTS + metrics_ports()


def metrics_ports() -> int:
    """Return how many ports the metrics of all parts need: each part has one, and one for its replacement."""
    return 2 * len(_METERED)


def metrics_port_of(base: int, part: str, *, moved: bool = False) -> int:
    """Return the port of a part's metrics, or of its replacement's, where those of all begin at `base`."""
    return base + _METERED.index(part) + (len(_METERED) if moved else 0)


def _metrics_port(config: Config, part: str, *, moved: bool) -> int:
    """Return a part's: counted from NOVA_METRICS_PORT, or from where the ports of the rooms end. Raises `BadConfig`."""
    base = config.telemetry.metrics_port or config.server.grpc_port_base + _GRPC_PORTS
    most = _LAST_PORT + 1 - metrics_ports()
    if base > most:
        raise BadConfig(
            "NOVA_METRICS_PORT", str(base), f"the ports of all parts are counted up from it: at most {most}."
        )
    return metrics_port_of(base, part, moved=moved)


def _metered(config: Config, part: str, *, moved: bool = False) -> dict[str, str]:
    """Return what tells a part the port at which it is asked how it is, and scraped: no two can have the same."""
    return {"NOVA_METRICS_PORT": str(_metrics_port(config, part, moved=moved))}


def _control_of(run: Path, room: str, *, moved: bool) -> Path:
    return run / f"{room}{'-moved' if moved else ''}.sock"


def _controlled(run: Path, room: str, *, moved: bool = False) -> dict[str, str]:
    """Return what tells a room the socket at which it is asked for what it holds."""
    return {"NOVA_CONTROL": str(_control_of(run, room, moved=moved))}


def held_by_rooms(supervisor: Supervisor, run: Path, sources: Sources) -> Held:
    """Return the projections of a platform of processes: each room's in its own, and copies that no room sees whole."""

    def at(room: str) -> Path:
        return _control_of(run, room, moved=supervisor.is_moved(room))

    return Together([CopiesAtRest(sources), *(HeldAt(partial(at, room)) for room in rooms.ROOMS)])


def environment_of(config: Config, below: Ground, environ: Mapping[str, str]) -> dict[str, str]:
    """Return what parts get theirs of: this process's, with what was given as an option or started here."""
    return {
        "NOVA_LOG_FORMAT": "console",
        **plain(environ),
        "NOVA_DATA": str(config.server.data),
        "NOVA_PORT": str(config.server.port),
        "NOVA_POSTGRES_URL": below.engines.postgres_dsn(),
        "NOVA_REDIS_URL": below.engines.redis_url,
    }


async def gateway_serves(url: str, _moved: bool) -> bool:
    """Return whether the gateway at `url` says that it is ready."""
    return await asyncio.to_thread(_told, f"{url}/readyz") is True


async def relay_serves(config: Config, moved: bool) -> bool:
    """Return whether the relay, or its replacement, says that it is ready."""
    return await asyncio.to_thread(_told, f"{_operations_of(config, RELAY, moved)}/readyz") is True


async def part_lives(config: Config, part: str, moved: bool) -> bool:
    """Return whether a part need not be started anew, as far as it says."""
    return await asyncio.to_thread(_told, f"{_operations_of(config, part, moved)}/livez") is not False


def _operations_of(config: Config, part: str, moved: bool) -> str:
    return f"http://{config.server.grpc_host}:{_metrics_port(config, part, moved=moved)}"


async def room_serves(config: Config, certificates: Certificates, room: str, moved: bool) -> bool:
    """Return what the health service of a room, or of its replacement, says."""
    address = replace(config.server, grpc_spare=moved).grpc_listens_at(room)
    options = [("grpc.ssl_target_name_override", host_of(room))]
    async with grpc.aio.secure_channel(address, certificates.held.for_channel(), options=options) as channel:
        try:
            answer = await HealthStub(channel).Check(HealthCheckRequest(), timeout=_ASK_S)
        except grpc.aio.AioRpcError:
            return False
        return bool(answer.status == HealthCheckResponse.SERVING)


def _told(url: str) -> bool | None:
    """Return what one of ours says of its health; None of one that says nothing."""
    try:
        with _direct.open(url, timeout=_ASK_S) as answer:
            return bool(answer.status == HTTPStatus.OK)
    except urllib.error.HTTPError as error:
        return False if error.code == HTTPStatus.SERVICE_UNAVAILABLE else None
    except (OSError, HTTPException):  # one may hang up, or be another program
        return None


async def _ready(supervisor: Supervisor, name: str) -> None:
    try:
        await supervisor.ready(name, within_s=READY_S)
    except TimeoutError as error:
        raise Unavailable(f"{name} does not serve after {READY_S:.0f} s: see its log.") from error


def _roll_on_hangup(supervisor: Supervisor, stack: AsyncExitStack) -> None:
    """Replace the rooms and the relay, one after another, each time SIGHUP comes."""
    loop = asyncio.get_running_loop()
    rolling: set[asyncio.Task[None]] = set()

    async def roll() -> None:
        for name in (*rooms.ROOMS, RELAY):
            try:
                await supervisor.roll(name, overlap_s=OVERLAP_S)
            except (OSError, PartEnded):  # a TimeoutError is an OSError too
                _log.exception("part_not_replaced", part=name)
                return

    def hang_up() -> None:
        if not rolling:
            task = asyncio.create_task(roll(), name="roll")
            rolling.add(task)
            task.add_done_callback(rolling.discard)

    async def give_up() -> None:
        loop.remove_signal_handler(signal.SIGHUP)
        for task in tuple(rolling):
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    loop.add_signal_handler(signal.SIGHUP, hang_up)
    stack.push_async_callback(give_up)
