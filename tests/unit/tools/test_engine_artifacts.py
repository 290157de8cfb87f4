"""What the engines are made of: fetched once for each pin, checked, and said in one sentence where it cannot be had."""

import hashlib
import platform
from collections.abc import Sequence
from pathlib import Path

import pytest

from tools.engines import artifacts, kafka, neo4j, pgbouncer, registry
from tools.engines.__main__ import made
from tools.engines.artifacts import Pin, jars, run
from tools.engines.failure import CannotHave
from tools.engines.folder import Folder
from tools.engines.java import java
from tools.engines.postgres import Postgres


def pin(version: str) -> Pin:
    name = f"thing-{version}.jar"
    return {"maven": [f"g:thing:{version}"], "sha256": {name: hashlib.sha256(name.encode()).hexdigest()}}


@pytest.fixture
def fetched(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was asked of Maven, in whose place files that contain their names come."""
    asked: list[str] = []

    def fetch(coordinates: Sequence[str], lib: Path) -> None:
        asked.extend(coordinates)
        lib.mkdir()
        for one in coordinates:
            name = f"thing-{one.rpartition(':')[2]}.jar"
            (lib / name).write_text(name)

    monkeypatch.setattr(artifacts, "fetch_jars", fetch)
    return asked


def test_another_pin_is_fetched(tmp_path: Path, fetched: list[str]) -> None:
    for version in ("1", "1", "2"):
        assert [file.name for file in jars(pin(version), tmp_path).iterdir()] == [f"thing-{version}.jar"]
    assert fetched == ["g:thing:1", "g:thing:2"]


def test_what_is_not_as_pinned_does_not_come_in(tmp_path: Path, fetched: list[str]) -> None:
    jars(pin("1"), tmp_path)
    with pytest.raises(CannotHave, match=r"is not what pins\.toml says: thing-2\.jar"):
        jars({**pin("2"), "sha256": {"thing-2.jar": "0"}}, tmp_path)
    assert [file.name for file in (tmp_path / "lib").iterdir()] == ["thing-1.jar"]


def test_jars_of_somebody_else_stay_as_they_are(tmp_path: Path, fetched: list[str]) -> None:
    """`nova bench chaos` stands on the jars of `make engines` by a link."""
    theirs, ours = tmp_path / "theirs", tmp_path / "ours"
    for folder in (theirs, ours):
        folder.mkdir()
    jars(pin("1"), theirs)
    (ours / "lib").symlink_to(theirs / "lib")
    jars(pin("2"), ours)
    assert [file.name for file in (theirs / "lib").iterdir()] == ["thing-1.jar"]
    assert [file.name for file in (ours / "lib").iterdir()] == ["thing-2.jar"]


def test_a_program_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(CannotHave, match=r"^`no-such-program` is missing"):
        run(["no-such-program", "--version"], cwd=tmp_path)


def test_a_java_that_is_not_there_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    with pytest.raises(CannotHave, match=r"^Java is missing: install version 17 or later"):
        java()


def test_pgbouncer_is_built_on_debian_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(platform, "freedesktop_os_release", lambda: {"ID": "ubuntu"})
    engine = pgbouncer.PgBouncer(Folder(tmp_path, 1), {"version": "1.24.1"})
    with pytest.raises(CannotHave, match=r"^Install PgBouncer 1\.21\.0 or later: .* on Debian only"):
        engine.start()


def test_the_source_that_is_built_is_the_pinned_one_whatever_else_debian_has() -> None:
    pinned = {"version": "1.24.1", "suite": "trixie"}
    told = "Package: pgbouncer\nVersion: 1.25.0-1\n\nPackage: pgbouncer\nVersion: 1.24.1-1+deb13u2\n"
    assert pgbouncer.package_of(pinned, told) == "1.24.1-1+deb13u2"
    gone = r"^Debian trixie has PgBouncer 1\.25\.0-1 and not 1\.24\.1: install 1\.21\.0 or later, or have pins\.toml"
    with pytest.raises(CannotHave, match=gone):
        pgbouncer.package_of(pinned, told.partition("\n\n")[0])


@pytest.mark.parametrize(("says", "ready"), [("starting", False), ("stopping", False), ("ready   ", True)])
def test_postgresql_is_ready_when_it_says_so(tmp_path: Path, says: str, ready: bool) -> None:
    """Its port answers while it recovers."""
    engine = Postgres(Folder(tmp_path, 1), {})
    data = tmp_path / "postgres" / "data"
    assert not engine._is_ready()
    data.mkdir()
    (data / "postmaster.pid").write_text(f"1\n{data}\n0\n1\n\n127.0.0.1\n0\n{says}\n")
    assert engine._is_ready() is ready


@pytest.mark.parametrize(
    ("name", "setting", "changed"),
    [
        ("postgres", "postgres._SETTINGS", {"max_connections": "300"}),
        ("replica", "postgres._SETTINGS", {"max_connections": "300"}),
        ("kafka", "kafka._PROPERTIES", "node.id=2"),
        ("kafka", "kafka.MODEST", ("-XX:+UseParallelGC",)),
        ("neo4j", "neo4j._SETTINGS", "server.memory.pagecache.size=32m"),
        ("neo4j", "neo4j._OPENED", ("java.io",)),
        ("registry", "registry.HOST", "127.0.0.2"),
        ("redis", "redis.HOST", "127.0.0.2"),
        ("s3", "s3.BUCKET", "another"),
        ("s3", "s3._FLAGS", {"s3.config": "identities.json"}),
    ],
)
def test_other_settings_are_another_engine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, setting: str, changed: object
) -> None:
    for one in (kafka, neo4j, registry):
        monkeypatch.setattr(one, "java", lambda: ["java"])
    before = wanted(tmp_path, name)
    assert wanted(tmp_path, name) == before
    monkeypatch.setattr(f"tools.engines.{setting}", changed)
    assert wanted(tmp_path, name) != before


def test_other_limits_of_production_are_another_pgbouncer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits = tmp_path / "pgbouncer.ini"
    monkeypatch.setattr(pgbouncer, "_PRODUCTION", limits)
    limits.write_text("[pgbouncer]\nmax_db_connections = 120\n")
    before = wanted(tmp_path, "pgbouncer")
    assert wanted(tmp_path, "pgbouncer") == before
    limits.write_text("[pgbouncer]\nmax_db_connections = 121\n")
    assert wanted(tmp_path, "pgbouncer") != before


def wanted(place: Path, name: str) -> str:
    return made(Folder(place, 17400), [name])[name].wanted()
