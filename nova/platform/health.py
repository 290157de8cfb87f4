"""Whether the process lives, and whether it can serve."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from nova.platform.errors import NovaError

# Raises when the part does not work; its `NovaError`'s sentence is shown, of anything else the class name.
Check = Callable[[], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Report:
    """The outcome of all checks: by name, None or what is wrong."""

    failures: Mapping[str, str | None]

    @property
    def ok(self) -> bool:
        """Whether every check passed."""
        return all(failure is None for failure in self.failures.values())

    def words(self) -> dict[str, object]:
        """Return what is said of it over HTTP, as JSON."""
        checks = {name: failure or "ok" for name, failure in self.failures.items()}
        return {"status": "ok" if self.ok else "failing", "checks": checks}


_STARTING = Report({"starting": "The process is starting."})
_DRAINING = Report({"draining": "The process is ending."})


class Health:
    """Named checks. Live: the process need not be restarted. Ready: it can take requests.

    Readiness asks what this process cannot serve without; a dead neighbour is not among it, or one lost
    room would take all others out of service.
    """

    def __init__(self, *, timeout_s: float = 1.0) -> None:
        self._timeout_s = timeout_s
        self._live: dict[str, Check] = {}
        self._ready: dict[str, Check] = {}
        self._closed: Report | None = None

    def add(self, name: str, check: Check, *, liveness: bool = False) -> None:
        """Add a check under a name of its own. A `liveness` check counts for both."""
        if name in self._ready:
            raise ValueError(f"There is a check {name} already.")
        self._ready[name] = check
        if liveness:
            self._live[name] = check

    @property
    def draining(self) -> bool:
        """Whether the process ends."""
        return self._closed is _DRAINING

    def begin(self) -> None:
        """Be not ready before `open`: the process starts."""
        self._closed = _STARTING

    def open(self) -> None:
        """Be ready if the checks pass."""
        self._closed = None

    def drain(self) -> None:
        """Be ready no more: the process ends, and new requests shall go elsewhere."""
        self._closed = _DRAINING

    async def live(self) -> Report:
        """Return the outcome of the liveness checks."""
        return await self._run(self._live)

    async def ready(self) -> Report:
        """Return the outcome of all checks."""
        return self._closed or await self._run(self._ready)

    async def is_live(self) -> bool:
        """Return whether the process need not be restarted."""
        return (await self.live()).ok

    async def is_ready(self) -> bool:
        """Return whether all checks pass."""
        return (await self.ready()).ok

    async def _run(self, checks: Mapping[str, Check]) -> Report:
        outcomes = await asyncio.gather(*(self._outcome(check) for check in checks.values()))
        return Report(dict(zip(checks, outcomes, strict=True)))

    async def _outcome(self, check: Check) -> str | None:
        try:
            async with asyncio.timeout(self._timeout_s):
                await check()
        except TimeoutError:
            return f"no answer within {self._timeout_s:g} s"
        except NovaError as error:
            return error.message
        except Exception as error:  # noqa: BLE001 - a check may fail in any way; that is its answer
            return type(error).__name__
        return None
