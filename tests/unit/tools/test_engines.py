"""`make engines` and `make engines-stop`, on harmless programs in place of the engines."""

import asyncio
import fcntl
import os
import signal
import socket
import sys
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path

import pytest

from nova.app.engines.errors import EngineMissing
from nova.app.ports import free_port
from tests.waiting import until
from tools.engines import __main__ as tool
from tools.engines import server as servers
from tools.engines.engine import Engine
from tools.engines.failure import CannotHave
from tools.engines.folder import Folder
from tools.engines.server import Server

# Whoever starts an engine leaves it behind.
pytestmark = pytest.mark.filterwarnings("ignore:subprocess:ResourceWarning")

LISTENS = (
    "import signal, socket, sys; s = socket.create_server(('127.0.0.1', int(sys.argv[1]))); signal.pause()"
)
STUBBORN = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {LISTENS}"


class Harmless(Engine):
    """A program that listens on a port, of any edition, with a flag and a file of settings."""

    def __init__(
        self,
        folder: Folder,
        pin: Mapping[str, str],
        *,
        name: str,
        program: str = LISTENS,
        flag: str = "",
        settings: str = "",
    ) -> None:
        self._edition_word, self._program = pin.get("version", "1"), program
        self._flag, self._settings = flag, settings
        self.folder = folder.part(name)
        self.port = folder.port(0)
        url = f"tcp://127.0.0.1:{self.port}"
        super().__init__(Server(name, self.folder, self.port), url=url, environment={"URL": url})

    @property
    def pid(self) -> int:
        return int((self.folder / "pid").read_text().split()[0])

    def _edition(self) -> str:
        return self._edition_word

    def _command(self) -> list[str]:
        return [sys.executable, "-S", "-c", self._program, str(self.port), self._flag]

    def _files(self) -> Mapping[Path, str]:
        return {self.folder / "conf" / "settings": self._settings}


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Folder]:
    yield Folder(tmp_path, free_port())
    for file in tmp_path.glob("*/pid"):
        Server("", file.parent, 0, signal.SIGKILL).stop()


def harmless(folder: Folder, version: str = "1", program: str = LISTENS) -> Harmless:
    return Harmless(folder, {"version": version}, name="one", program=program)


def lives(pid: int) -> bool:
    return Path(f"/proc/{pid}/stat").exists() and servers._birth(pid) is not None


def test_it_starts_once_and_is_found_again(folder: Folder) -> None:
    first = harmless(folder)
    assert first.start() == "1"
    again = harmless(folder)
    assert again.is_up()
    assert again.start() == "1"
    assert again.pid == first.pid
    assert again.stop() == "has ended"
    assert not first.is_up()
    assert first.stop() is None


def test_it_is_found_again_in_another_time_zone(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    harmless(folder).start()
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    assert harmless(folder).stop() == "has ended"


def test_what_is_of_another_edition_or_port_starts_anew(folder: Folder) -> None:
    pids = []
    for wanted in (harmless(folder), harmless(folder, "2"), harmless(Folder(folder.path, free_port()), "2")):
        wanted.start()
        pids.append(wanted.pid)
        assert wanted.is_up()
    assert len(set(pids)) == 3
    assert [lives(pid) for pid in pids] == [False, False, True]


def test_what_is_told_other_things_starts_anew(folder: Folder) -> None:
    pids = []
    for told in (
        {},
        {"flag": "-x"},
        {"flag": "-x", "settings": "a = 1\n"},
        {"flag": "-x", "settings": "a = 1\n"},
    ):
        engine = Harmless(folder, {}, name="one", **told)
        engine.start()
        pids.append(engine.pid)
        assert (engine.folder / "conf" / "settings").read_text() == told.get("settings", "")
        assert Path(f"/proc/{engine.pid}/cmdline").read_text().split("\0")[-2] == told.get("flag", "")
    assert [lives(pid) for pid in pids] == [False, False, True, True]
    assert (len(set(pids)), pids[2]) == (3, pids[3])


def test_a_number_that_is_another_processs_by_now_is_left_alone(folder: Folder) -> None:
    engine = harmless(folder)
    (engine.folder / "pid").write_text(f"{os.getpid()} 1 {engine.port} 1")
    assert not engine.is_up()
    assert engine.stop() is None


def test_a_port_of_another_program_is_said_before_anything_is_made(folder: Folder) -> None:
    engine = harmless(folder)
    with (
        socket.create_server(("127.0.0.1", engine.port)),
        pytest.raises(CannotHave, match=rf"^Port {engine.port} belongs to another program"),
    ):
        engine.start()
    assert list(engine.folder.iterdir()) == []


def test_one_that_ends_at_once_is_said_with_its_log(folder: Folder) -> None:
    with pytest.raises(CannotHave, match=r"one did not start: see .*/one/log"):
        harmless(folder, program="raise SystemExit(1)").start()


def test_one_that_does_not_go_is_killed(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(servers, "STOP_S", 0.5)
    engine = harmless(folder, program=STUBBORN)
    engine.start()
    pid = engine.pid
    assert engine.stop() == "did not end within 0 s and was killed"
    assert not lives(pid)


class Fails(Harmless):
    """One that can be neither started nor ended."""

    def start(self) -> str:
        raise EngineMissing("No such program.")

    def stop(self) -> str:
        raise CannotHave("It does not end.")


def test_one_that_fails_keeps_none_of_the_others(
    folder: Folder, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    engines = {"one": partial(Harmless, name="one"), "two": partial(Fails, name="two")}
    monkeypatch.setattr(tool, "ENGINES", engines)
    assert tool.start(folder, ["two", "one"]) == 1
    assert "two        -        No such program.\none        1 " in capsys.readouterr().out
    assert (folder.path / "env").read_text() == f"URL=tcp://127.0.0.1:{folder.first_port}\n"
    assert tool.stop(folder, ["one", "two"]) == 1
    assert capsys.readouterr().out == "It does not end.\none has ended\n"
    assert tool.stop(folder, ["one"]) == 0


async def test_two_at_once_do_one_after_the_other(folder: Folder) -> None:
    waits = "import sys; from tools.engines.folder import *\nwith engines_folder().alone(): print('in')"
    with folder.alone():
        environment = {**os.environ, "NOVA_ENGINES": str(folder.path)}
        command = (sys.executable, "-c", waits)
        other = await asyncio.create_subprocess_exec(
            *command, stdout=asyncio.subprocess.PIPE, env=environment
        )
        await until(lambda: waits_for_a_lock(other.pid), within_s=30)
    said, _ = await other.communicate()
    assert said == b"in\n"


def waits_for_a_lock(pid: int) -> bool:
    """Return whether a process is among those that wait: the kernel marks them by an arrow (proc_locks(5))."""
    waiting = [line.split() for line in Path("/proc/locks").read_text().splitlines() if "->" in line]
    return any(words[words.index("->") + 4] == str(pid) for words in waiting)


def test_the_lock_is_none_of_the_engines(folder: Folder) -> None:
    """A process that is left behind does not hold it."""
    with folder.alone():
        harmless(folder).start()
    with (folder.path / "lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
