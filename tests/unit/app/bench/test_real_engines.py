"""Real engines that are broken: which, that they are this program's own, and that they come back."""

import asyncio
import signal
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from nova.app.bench import real_engines
from nova.app.bench.chaos import chosen
from nova.app.bench.chaos_faults import real_hung, real_killed
from nova.app.bench.chaos_rows import acts_of
from nova.app.bench.chaos_stage import Stage
from nova.app.bench.real_engines import not_fetched, versions_of
from nova.platform.config import Config
from nova.platform.configure import load
from nova.platform.errors import Unavailable
from tests.waiting import until


def rows() -> set[str]:
    return {row.name for act in chosen(acts_of(Config()), "real") for row in act.rows}


def test_every_real_engine_is_broken() -> None:
    parts = ("replica", "PgBouncer", "primary", "Redis", "Kafka", "registry", "Neo4j", "S3")
    broken = {f"real {part} {how}" for part in parts for how in ("killed", "hangs")}
    assert {
        "real engines unbroken",
        "real replica lags",
        "real Kafka hangs, content killed",
        *broken,
    } < rows()


def test_a_server_that_somebody_names_is_none_of_them() -> None:
    """They are started for the rows: what the configuration names is not even looked at."""
    named = load({"NOVA_KAFKA_BOOTSTRAP": "elsewhere:9092", "NOVA_NEO4J_URL": "bolt://elsewhere"})
    missing = {row.name: act.missing() for act in acts_of(named) for row in act.rows}
    assert missing["real Kafka killed"] == missing["real replica hangs"] == not_fetched()


def test_what_nobody_has_fetched_is_said(tmp_path: Path) -> None:
    assert not_fetched(tmp_path) == f"`make engines` has not fetched the real engines into {tmp_path}"
    for part, kept in {"kafka": "lib", "neo4j": "lib", "registry": "home"}.items():
        (tmp_path / part / kept).mkdir(parents=True)
        (tmp_path / part / ".checked").touch()
    assert not_fetched(tmp_path) is None


def test_the_tool_says_which_versions_run() -> None:
    said = "postgres   18       postgresql://127.0.0.1:1\nkafka      4.3.0    127.0.0.1:2\nFor nova: set -a; . env"
    assert versions_of(said) == "postgres 18, kafka 4.3.0"


async def test_without_them_there_is_a_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(real_engines, "not_fetched", lambda: not_fetched(tmp_path))
    with pytest.raises(Unavailable, match="`make engines` has not fetched"):
        async with real_engines.real_engines_if(True, tmp_path / "engines"):
            raise AssertionError("there are none")
    async with real_engines.real_engines_if(False, tmp_path / "engines") as engines:
        assert engines is None


class Engine:
    """A process in place of an engine; `start` starts another one, as the tool does."""

    def __init__(self) -> None:
        self.starts = 0

    async def start(self) -> None:
        self.starts += 1
        self.process = await asyncio.create_subprocess_exec("sleep", "60")
        self.pid = self.process.pid

    @property
    def state(self) -> str:
        return Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()[0]


@pytest.fixture
async def engine() -> AsyncIterator[Engine]:
    engine = Engine()
    await engine.start()
    yield engine
    engine.process.kill()
    await engine.process.wait()


def place(engine: Engine) -> Stage:
    real: Mapping[str, Engine] = {"real Kafka": engine}
    return cast("Stage", SimpleNamespace(real=real))


async def test_one_that_is_killed_is_started_again_once_the_time_is_over(engine: Engine) -> None:
    first = engine.process
    async with real_killed("real Kafka")(place(engine)):
        assert await first.wait() == -signal.SIGKILL
        assert engine.starts == 1
    assert engine.starts == 2


async def test_one_that_hangs_goes_on_as_it_was(engine: Engine) -> None:
    async with real_hung("real Kafka")(place(engine)):
        await until(lambda: engine.state == "T")
    await until(lambda: engine.state == "S")
    assert engine.starts == 1
