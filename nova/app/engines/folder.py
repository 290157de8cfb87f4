"""The data folder: what lies where, who may use it, and the short folder for its sockets.

    DATA/postgres/   the cluster              DATA/logs/          what the engines say
    DATA/valkey/     the append-only file     DATA/nova.lock      who runs here: {"pid", "run"}
    DATA/secrets.json  the roles' passwords, on a server of the user's own

A Unix socket's path ends at 107 bytes, so sockets live in a random folder of the user's run-time directory,
closed to others; its name is in the lock file, for other commands and for the next start to clear away.
"""

import fcntl
import json
import os
import re
import shutil
import stat
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from nova.app.engines.errors import FolderFull, FolderInUse, FolderUnusable

NEEDED_MB = 256
LOG_LIMIT_BYTES = 10 * 1024 * 1024
LONGEST_SOCKET_PATH = 103 if sys.platform == "darwin" else 107
LONGEST_SOCKET_NAME = "/.s.PGSQL.5432.lock"
RUN_PREFIX = "nova-"
RUN_NAME = re.compile(RUN_PREFIX + "[a-z0-9_]{8}")  # as mkdtemp makes it
ELSEWHERE = "choose another folder with --data"


class DataFolder:
    """A data folder held by this process: enter it to take its lock, leave it to give it back.

    The lock is flock(2)'s: the kernel drops it when the process ends, however it ends.
    Entering raises FolderInUse, FolderUnusable or FolderFull.
    """

    def __init__(self, path: Path, *, run_base: Path | None = None) -> None:
        self.path = path.expanduser().absolute()
        self._run_base = run_base
        self._lock: IO[str] | None = None
        self._run: Path | None = None

    @property
    def postgres(self) -> Path:
        """The cluster's."""
        return self.path / "postgres"

    @property
    def valkey(self) -> Path:
        """The append-only file's."""
        return self.path / "valkey"

    @property
    def secrets(self) -> Path:
        """The file of the roles' passwords."""
        return self.path / "secrets.json"

    @property
    def run(self) -> Path:
        """The folder for sockets, while the data folder is held."""
        if self._run is None:
            raise RuntimeError("the data folder is not held")
        return self._run

    def log(self, name: str) -> Path:
        """The log file of an engine; one that has grown past 10 MB is put aside as `.1`."""
        file = self.path / "logs" / f"{name}.log"
        if file.exists() and file.stat().st_size > LOG_LIMIT_BYTES:
            file.replace(file.with_suffix(".log.1"))
        return file

    def __enter__(self) -> Self:
        self._prepare()
        self._lock = self._take_lock()
        try:
            remove_run_folder(read_lock(self._lock).get("run"))
            self._run = make_run_folder(self._run_base or default_run_base())
            write_lock(self._lock, {"pid": os.getpid(), "run": str(self._run)})
        except BaseException:
            self._release()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._release()

    def _release(self) -> None:
        """Remove the run-time folder, then let go of the lock: the next holder finds an empty record."""
        if self._run is not None:
            remove_run_folder(str(self._run))
            self._run = None
        if self._lock is not None:
            write_lock(self._lock, {})
            # Closing alone would leave the lock to a child that was forked and has not yet executed its program.
            fcntl.flock(self._lock, fcntl.LOCK_UN)
            self._lock.close()
            self._lock = None

    def _prepare(self) -> None:
        try:
            self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
            (self.path / "logs").mkdir(exist_ok=True, mode=0o700)
            free_mb = shutil.disk_usage(self.path).free // 2**20
        except OSError as error:
            raise unusable(self.path, error) from error
        if free_mb < NEEDED_MB:
            raise FolderFull(
                f"{self.path} has {free_mb} MB left and Nova needs {NEEDED_MB}: free some space, or "
                f"{ELSEWHERE}."
            )

    def _take_lock(self) -> IO[str]:
        try:
            file = (self.path / "nova.lock").open("a+")
        except OSError as error:
            raise unusable(self.path, error) from error
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pid = read_lock(file).get("pid")
            file.close()
            raise in_use(self.path, pid if isinstance(pid, int) else None) from None
        return file


def unusable(path: Path, error: OSError) -> FolderUnusable:
    """What is wrong with the folder, in the words of the system, and what to do."""
    return FolderUnusable(
        f"{path} cannot be used ({error.strerror}): make it yours (`chown`, `chmod u+rwx`), or {ELSEWHERE}."
    )


def in_use(path: Path, pid: int | None) -> FolderInUse:
    """Who holds the folder, and what to do; a holder that starts or ends at this moment has no name."""
    who = "Another Nova" if pid is None else f"Another Nova (pid {pid})"
    remedy = "try again in a moment" if pid is None else f"stop it with `kill {pid}`"
    return FolderInUse(f"{who} runs on {path}: {remedy}, or {ELSEWHERE}.", pid=pid)


def read_lock(file: IO[str]) -> dict[str, object]:
    """What the lock file says; empty where it says nothing yet."""
    file.seek(0)
    try:
        said = json.loads(file.read() or "{}")
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}


def write_lock(file: IO[str], said: dict[str, object]) -> None:
    """Replace what the lock file says; only its holder does."""
    file.seek(0)
    file.truncate()
    json.dump(said, file)
    file.flush()


def default_run_base() -> Path:
    """The user's run-time directory, else the temporary one, the first that a socket's path fits in."""
    for place in (os.environ.get("XDG_RUNTIME_DIR"), tempfile.gettempdir()):
        if place and os.access(place, os.W_OK | os.X_OK) and fits(Path(place)):
            return Path(place)
    return Path("/tmp")  # noqa: S108 - the folder made in it has a random name and is closed to others


def fits(base: Path) -> bool:
    """Whether a socket in a run-time folder under `base` has a path that the kernel accepts."""
    return len(os.fsencode(base)) + len("/nova-01234567" + LONGEST_SOCKET_NAME) <= LONGEST_SOCKET_PATH


def make_run_folder(base: Path) -> Path:
    """A new folder for sockets, mode 0700. Raises FolderUnusable."""
    remedy = "set XDG_RUNTIME_DIR to a short folder that you can write"
    if not fits(base):
        raise FolderUnusable(f"{base} is too long a path for sockets: {remedy}.")
    try:
        return Path(tempfile.mkdtemp(prefix=RUN_PREFIX, dir=base))
    except OSError as error:
        raise FolderUnusable(f"No sockets can be made in {base} ({error.strerror}): {remedy}.") from error


def remove_run_folder(recorded: object) -> None:
    """Remove a run-time folder that a lock file names, if it is one: its name, its kind, its owner."""
    if not isinstance(recorded, str) or not RUN_NAME.fullmatch(Path(recorded).name):
        return
    with suppress(FileNotFoundError):
        found = Path(recorded).lstat()
        if stat.S_ISDIR(found.st_mode) and os.geteuid() in {0, found.st_uid}:
            shutil.rmtree(recorded)
