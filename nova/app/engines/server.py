"""What both engines share: a life from start to stop, and a keeper that starts again what ended by itself."""

import abc
import asyncio
import time
from contextlib import suppress
from pathlib import Path
from typing import ClassVar

import structlog

from nova.app.engines.errors import EngineDown, EngineError
from nova.app.engines.process import EngineProcess

LOG = structlog.get_logger(__name__)
# Before each try to start again, in seconds. The last failure ends the keeping.
RESTART_PAUSES_S = (0.0, 0.5, 1.0, 2.0, 4.0)
POLL_S = 0.01


class EngineServer(abc.ABC):
    """An engine whose data are in `folder`, whose socket is in `run`, and whose words go to `log`.

    Started from the main thread. If its process ends by itself it is started again, at the same address; once
    that fails five times in a row, `lost` holds the reason. `serving`: it answers, as far as known.
    """

    name: ClassVar[str]
    start_wait_s: ClassVar[float]

    def __init__(self, *, folder: Path, run: Path, log: Path) -> None:
        self.folder = folder
        self.run = run
        self.log = log
        self.lost: asyncio.Future[EngineError] = asyncio.get_running_loop().create_future()
        self.serving = False
        self._process: EngineProcess | None = None
        self._keeper: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int:
        """Of its main process. Raises EngineDown when it was not started, or was stopped."""
        if self._process is None:
            raise EngineDown(f"{self.name} is not running.")
        return self._process.pid

    async def start(self) -> None:
        """Start it; returns when it answers. Raises EngineError in one of its kinds, with nothing running."""
        process = await self._start()
        self._keeper = asyncio.create_task(self._keep(process), name=f"keeper of {self.name}")

    async def stop(self) -> None:
        """End it cleanly and keep it no more. Does nothing when it is not running."""
        if self._keeper is not None:
            self._keeper.cancel()
            with suppress(asyncio.CancelledError):
                await self._keeper
            self._keeper = None
        await self._end()

    async def _start(self) -> EngineProcess:
        process = self._process = await self._launch()
        try:
            await self._until_ready(process)
        except BaseException:
            await self._end()
            raise
        self.serving = True
        return process

    async def _end(self) -> None:
        self.serving = False
        if self._process is not None:
            await self._process.stop()
            self._process = None

    async def _until_ready(self, process: EngineProcess) -> None:
        deadline = time.monotonic() + self.start_wait_s
        while not await self._is_ready(process):
            if process.exit_code is not None:
                raise EngineDown(
                    f"{self.name} did not start: {process.last_words()} (all of it: {self.log}). "
                    f"{self._way_out()}"
                )
            if time.monotonic() > deadline:
                raise EngineDown(f"{self.name} is not ready after {self.start_wait_s:.0f} s: see {self.log}.")
            await asyncio.sleep(POLL_S)

    async def _keep(self, process: EngineProcess) -> None:
        while True:
            code = await process.wait()
            self.serving = False
            LOG.warning("engine_ended", engine=self.name, pid=process.pid, exit_code=code)
            try:
                process = await self._start_again()
            except EngineError as error:
                LOG.exception("engine_lost", engine=self.name)
                self.lost.set_result(error)
                return
            LOG.warning("engine_started_again", engine=self.name, pid=process.pid)

    async def _start_again(self) -> EngineProcess:
        failure: EngineError | OSError | None = None
        for pause_s in RESTART_PAUSES_S:
            await asyncio.sleep(pause_s)
            try:
                return await self._start()
            except (EngineError, OSError) as error:
                failure = error
        raise EngineDown(f"{self.name} ended and cannot be started again: {failure}") from failure

    @abc.abstractmethod
    async def _launch(self) -> EngineProcess:
        """Start the process, after whatever must be there first."""

    @abc.abstractmethod
    async def _is_ready(self, process: EngineProcess) -> bool:
        """Whether it answers. Raises EngineUnsafe if it answers wrongly."""

    @abc.abstractmethod
    def _way_out(self) -> str:
        """The sentence with the next command, for a start that failed."""
