"""Places of chaos: clocks that can be set, and a room with a network of its own."""

import asyncio
import os
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from nova.app.authority import issue_all
from nova.app.bench.chaos_places import _faked, _libraries, _set, clock_off, moved_apart, no_clocks, refusal
from nova.app.bench.chaos_stage import Stage
from nova.app.processes import parts_of
from nova.platform.configure import load
from nova.platform.errors import Unavailable
from tests.waiting import until


@pytest.mark.skipif(no_clocks() is not None, reason="libfaketime is missing")
async def test_clocks_are_set_and_set_right_again(tmp_path: Path) -> None:
    (tmp_path / "clocks").mkdir()
    library, clocks = _libraries()[0], {name: tmp_path / "clocks" / name for name in ("content", "feed")}
    for clock in clocks.values():
        _set(clock, 0)
    processes = {
        name: await asyncio.create_subprocess_exec(
            sys.executable, "-c", "input()", env=_faked(library, clock), stdin=asyncio.subprocess.PIPE
        )
        for name, clock in clocks.items()
    }
    pids = {name: process.pid for name, process in processes.items()}
    await until(lambda: all(library.name in Path(f"/proc/{pid}/maps").read_text() for pid in pids.values()))
    place = cast(
        "Stage",
        SimpleNamespace(data=tmp_path / "data", supervisor=SimpleNamespace(parts=[*pids], pids=pids)),
    )

    def told() -> dict[str, str]:
        return {name: clock.read_text() for name, clock in clocks.items()}

    async with clock_off(place, minutes=5, part="feed"):
        assert told() == {"content": "+0m\n", "feed": "+5m\n"}
    async with clock_off(place, minutes=-5):
        assert told() == {"content": "-5m\n", "feed": "-5m\n"}
    assert set(told().values()) == {"+0m\n"}
    for process in processes.values():
        await process.communicate(b"\n")
    pids["feed"] = os.getpid()
    with pytest.raises(Unavailable, match="libfaketime is not loaded"):
        async with clock_off(place, minutes=5, part="feed"):
            pytest.fail("a clock that nobody looks at is no fault")
    assert set(told().values()) == {"+0m\n"}


def test_the_room_apart_is_found_and_finds_the_others(tmp_path: Path) -> None:
    config = load({"NOVA_DATA": str(tmp_path)})
    issue_all(tmp_path / "certificates")
    parts = parts_of(config, {}, tmp_path / "certificates", tmp_path)
    moved = {part.name: moved_apart("social", part, config) for part in parts}
    targets = {part.environment["NOVA_GRPC_TARGET"] for part in moved.values()}
    assert targets == {"ipv4:198.18.0.1:{port},198.18.0.2:{port}"}
    apart = [name for name, part in moved.items() if "netns" in part.command]
    assert apart == ["social"]
    assert moved["social"].environment["NOVA_GRPC_HOST"] == "198.18.0.2"
    assert moved["social"].moved is None


def test_what_the_machine_does_not_allow_is_said() -> None:
    assert refusal("true-that-is-nowhere") in {
        "there is no `true-that-is-nowhere`",
        "only root may `true-that-is-nowhere`",
    }
