"""The command line: `nova`. Each command imports what it needs when it runs, so that `nova --help` is quick."""

import time
from pathlib import Path
from uuid import UUID

import click

from nova.app.cli_accounts import account, role
from nova.app.cli_command import DATA, JSON, USAGE, configured, fail, run
from nova.app.cli_keys import keys

_began = time.monotonic()


def main() -> None:
    """Run the command line."""
    nova()


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="nova")
def nova() -> None:
    """Nova: the back end of a social network."""


WORLD = click.option(
    "--world",
    type=click.Choice(["small", "medium", "big", "none"]),
    help="The world to live in (NOVA_WORLD, small); a folder keeps the one that it has.",
)


@nova.command()
@click.option(
    "--port", type=click.IntRange(0, 65535), help="The gateway's port (NOVA_PORT, 8080); 0: a free one."
)
@DATA
@WORLD
@click.option("--still", is_flag=True, help="Let the people of the world rest.")
@click.option(
    "--processes", is_flag=True, help="A process for each room, over mutual TLS; SIGHUP replaces them."
)
@click.option("--listen", is_flag=True, help="Let each room answer gRPC too, in plain text on the loopback.")
@JSON
def up(
    port: int | None,
    data: Path | None,
    world: str | None,
    *,
    still: bool,
    processes: bool,
    listen: bool,
    as_json: bool,
) -> None:
    """Run the whole platform until Ctrl-C, in one process unless --processes is given."""
    if processes and listen:
        raise click.UsageError("--processes listens in any case, over mutual TLS: leave --listen out.")
    config = configured(NOVA_PORT=port, NOVA_DATA=data, NOVA_WORLD=world)
    from nova.app.up import up as run_up

    run(
        lambda: run_up(config, began=_began, as_json=as_json, still=still, processes=processes, listen=listen)
    )


@nova.command()
@click.argument("room")
def serve(room: str) -> None:
    """Run one room, or the gateway, as a process of its own."""
    config = configured()
    from nova.app.serve import serve as run_serve

    run(lambda: run_serve(config, room))


@nova.command()
@click.argument("room", required=False)
def relay(room: str | None) -> None:
    """Move the events of all rooms, or of one, from their outboxes to the log."""
    config = configured()
    from nova.app.serve import relay as run_relay

    run(lambda: run_relay(config, room))


@nova.command()
@click.argument("room", required=False)
@DATA
@click.option("--check", is_flag=True, help="Only check the files, and say what is pending.")
@click.option("--rollback", is_flag=True, help="Take the last migration of ROOM back.")
def migrate(room: str | None, data: Path | None, *, check: bool, rollback: bool) -> None:
    """Bring the schemas of all rooms, or of one, up to date."""
    config = configured(NOVA_DATA=data)
    from nova.app.migrate import migrate as run_migrate

    if rollback and (room is None or check):
        raise click.UsageError("--rollback needs a ROOM, and goes without --check.")
    run(lambda: run_migrate(config, room, check=check, rollback=rollback))


@nova.command()
@DATA
@WORLD
def seed(data: Path | None, world: str | None) -> None:
    """Make the sample world without running it."""
    settings = configured(NOVA_DATA=data, NOVA_WORLD=world)
    from nova.app.seed import seed as run_seed

    run(lambda: run_seed(settings))


@nova.command()
@JSON
def config(*, as_json: bool) -> None:
    """Print every knob with its value, its default and what it does."""
    settings = configured()
    from nova.app.describe import print_config

    print_config(settings, as_json=as_json)


@nova.command()
@DATA
@JSON
def status(data: Path | None, *, as_json: bool) -> None:
    """Say whether a Nova runs on the data folder, and how it is."""
    settings = configured(NOVA_DATA=data)
    from nova.app.status import print_status

    run(lambda: print_status(settings, as_json=as_json))


@nova.command()
@DATA
def doctor(data: Path | None) -> None:
    """Check that all that Nova needs is here, and say what to do where it is not."""
    settings = configured(NOVA_DATA=data)
    from nova.app.doctor import examine

    run(lambda: examine(settings))


@nova.command()
@click.argument("handle")
@click.option("--password", help="The password; people of the sample world need none.")
@DATA
def token(handle: str, password: str | None, data: Path | None) -> None:
    """Print an access token of HANDLE at the Nova that runs on the data folder."""
    settings = configured(NOVA_DATA=data)
    from nova.app.token import access_token

    run(lambda: access_token(settings, handle, password))


@nova.group()
def certs() -> None:
    """Certificates of the parts of the platform."""


@certs.command(name="dev")
@click.option("--dir", "folder", type=click.Path(path_type=Path), help="Where they go (DATA/certificates).")
@click.option(
    "--hours", type=click.IntRange(1, 24 * 90), default=24, show_default=True, help="How long they last."
)
@DATA
def certs_dev(folder: Path | None, hours: int, data: Path | None) -> None:
    """Make a certificate authority for development, and a certificate for each room; or renew them."""
    settings = configured(NOVA_DATA=data)
    from nova.app.authority import make_certificates

    async def make() -> None:
        make_certificates(settings, folder, hours)

    run(make)


@nova.command()
@click.argument("name", metavar="ID")
@DATA
@JSON
def trace(name: str, data: Path | None, *, as_json: bool) -> None:
    """Print what a request caused, as a tree: by its trace id, or by its request id."""
    settings = configured(NOVA_DATA=data)
    from nova.app.trace import print_trace

    run(lambda: print_trace(settings, name, as_json=as_json))


@nova.group()
def events() -> None:
    """Look at the event log and its dead letters."""


@events.command()
@click.argument("topic")
@click.option("--limit", type=click.IntRange(1, 10_000), default=20, show_default=True)
@click.option("--follow", "-f", is_flag=True, help="Go on with new ones, until Ctrl-C.")
@DATA
def tail(topic: str, limit: int, data: Path | None, *, follow: bool) -> None:
    """Print the newest events of TOPIC as JSON lines, oldest first."""
    settings = configured(NOVA_DATA=data)
    from nova.app.events import tail as run_tail

    run(lambda: run_tail(settings, topic, limit, follow=follow))


@events.command()
@DATA
def dlq(data: Path | None) -> None:
    """List the events that were given up, as JSON lines."""
    settings = configured(NOVA_DATA=data)
    from nova.app.events import dead_letters

    run(lambda: dead_letters(settings))


@events.command()
@click.argument("topic")
@click.option("--id", "event_id", type=click.UUID, help="Only this event.")
@DATA
def replay(topic: str, event_id: UUID | None, data: Path | None) -> None:
    """Put the dead letters of TOPIC back where they failed."""
    settings = configured(NOVA_DATA=data)
    from nova.app.events import replay as run_replay

    run(lambda: run_replay(settings, topic, event_id))


@nova.command()
@click.argument("name")
@click.option("--verify/--again", required=True, help="Compare; or first fill Neo4j again.")
@DATA
@JSON
def rebuild(name: str, data: Path | None, *, verify: bool, as_json: bool) -> None:
    """Make the projection NAME, or all, anew beside the one in use, and compare the two by hash."""
    settings = configured(NOVA_DATA=data)
    from nova.app.rebuild import rebuild as run_rebuild

    run(lambda: run_rebuild(settings, name, again=not verify, as_json=as_json))


class Benches(click.Group):
    """Takes the name of a benchmark where a command is expected: `nova bench tour` is `nova bench run tour`."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command."""
        if args[0] not in self.commands and not args[0].startswith("-"):
            args = ["run", *args]
        return super().resolve_command(ctx, args)


@nova.group(cls=Benches)
def bench() -> None:
    """Measure Nova against its objectives."""


@bench.command(name="list")
def bench_list() -> None:
    """Print the names of the benchmarks."""
    from nova.app.bench.catalog import BENCHMARKS

    for benchmark in BENCHMARKS.values():
        click.echo(f"{benchmark.name:<10} {benchmark.sentence}")


@bench.command(name="run")
@click.argument("name")
@click.option("--processes", is_flag=True, help="A process for each room, over mutual TLS.")
@click.option(
    "--real", is_flag=True, help="Of rooms and events: on the real engines that `make engines` fetched."
)
@click.option("--only", help="Of chaos: the rows whose names hold this.")
@JSON
def bench_run(name: str, *, processes: bool, real: bool, only: str | None, as_json: bool) -> None:
    """Run the benchmark NAME; exit with 3 when its objective is missed."""
    settings = configured()
    from nova.app.bench.catalog import run_benchmark

    run(lambda: run_benchmark(settings, name, as_json=as_json, processes=processes, real=real, only=only))


@bench.command(name="compare")
@click.argument("before", type=click.Path(path_type=Path))
@click.argument("after", type=click.Path(path_type=Path))
def bench_compare(before: Path, after: Path) -> None:
    """Set two results side by side: files with what `--json` printed."""
    from nova.app.bench.compare import compare
    from nova.platform.errors import InvalidArgument

    try:
        compare(before, after)
    except InvalidArgument as error:
        fail(str(error), USAGE)


nova.add_command(account)
nova.add_command(keys)
nova.add_command(role)
