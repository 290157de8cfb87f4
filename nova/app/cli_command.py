"""What every command of the line shares: its options, the configuration that it reads, and how it ends.

Exit codes: 0 done, 1 failed, 2 usage, 3 an objective missed, 4 a dependency is down.
"""

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, Final, NoReturn

import click

FAILED: Final = 1
USAGE: Final = 2
MISSED: Final = 3
DOWN: Final = 4

DATA = click.option("--data", type=click.Path(path_type=Path), help="The data folder (NOVA_DATA, ./.nova).")
JSON = click.option("--json", "as_json", is_flag=True, help="Answer in JSON, for scripts.")


def configured(**options: object) -> Any:  # noqa: ANN401 - the type's module is imported only when a command runs
    """Return the configuration of the environment, with what options say on top."""
    from nova.platform.configure import load
    from nova.platform.knobs import BadConfig

    given = {name: str(value) for name, value in options.items() if value is not None}
    try:
        return load({**os.environ, **given})
    except BadConfig as error:
        fail(str(error), USAGE)


def run(work: Callable[[], Coroutine[Any, Any, int | None]]) -> None:
    """Run a command's coroutine to its end; a failure becomes one sentence and an exit code."""
    import uvloop

    from nova.app.engines.errors import EngineError
    from nova.app.instance import NotRunning
    from nova.native.errors import DebugNativeBuild, StaleNativeBuild
    from nova.platform.errors import NovaError, Timeout, Unavailable
    from nova.platform.knobs import BadConfig
    from nova.platform.telemetry.log import set_up

    set_up(level=logging.WARNING, console=True)
    try:
        code = uvloop.run(_ended_by_sigterm(work))
    except KeyboardInterrupt:
        sys.exit(128 + signal.SIGINT)
    except asyncio.CancelledError:
        sys.exit(128 + signal.SIGTERM)
    except BadConfig as error:
        fail(str(error), USAGE)
    except EngineError as error:
        fail(str(error), error.exit_code)
    except (Unavailable, Timeout, NotRunning) as error:
        fail(str(error), DOWN)
    except (NovaError, DebugNativeBuild, StaleNativeBuild) as error:
        fail(str(error), FAILED)
    sys.exit(code or 0)


async def _ended_by_sigterm(work: Callable[[], Coroutine[Any, Any, int | None]]) -> int | None:
    """Run a command; SIGTERM cancels it, and so ends the engines and processes that it has started."""
    working = asyncio.ensure_future(work())
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, working.cancel)
    return await working


def fail(sentence: str, code: int) -> NoReturn:
    """End with a sentence on the standard error."""
    click.echo(f"nova: {sentence}", err=True)
    sys.exit(code)
