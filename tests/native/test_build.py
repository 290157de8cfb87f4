"""A stale or debug build refuses to serve and names the command that mends it."""

import shutil
from pathlib import Path

import pytest

from nova import _native
from nova.native import build
from nova.native.errors import DebugNativeBuild, StaleNativeBuild

ROOT = Path(__file__).parents[2]


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    """The sources of the native core, copied to where they may be changed."""
    for name in ("Cargo.toml", "Cargo.lock"):
        shutil.copy(ROOT / name, tmp_path / name)
    shutil.copytree(ROOT / "native", tmp_path / "native")
    return tmp_path


def test_this_build_is_current() -> None:
    build.require_current()
    assert build.source_digest(ROOT) == _native.SOURCE_DIGEST


def test_a_changed_source_is_stale(sources: Path) -> None:
    build.require_current(sources)
    kernel = sources / "native" / "rank" / "src" / "lib.rs"
    kernel.write_bytes(kernel.read_bytes() + b"// changed\n")
    with pytest.raises(StaleNativeBuild, match="run `make native`"):
        build.require_current(sources)


@pytest.mark.parametrize("name", ["native/graph/src/new.rs", "native/new/Cargo.toml"])
def test_a_new_source_is_stale(sources: Path, name: str) -> None:
    (sources / name).parent.mkdir(parents=True, exist_ok=True)
    (sources / name).touch()
    with pytest.raises(StaleNativeBuild):
        build.require_current(sources)


def test_a_changed_lock_is_stale(sources: Path) -> None:
    (sources / "Cargo.lock").unlink()
    with pytest.raises(StaleNativeBuild):
        build.require_current(sources)


def test_line_ends_and_other_files_do_not_matter(sources: Path) -> None:
    for kernel in (sources / "native").rglob("*.rs"):
        kernel.write_bytes(kernel.read_bytes().replace(b"\n", b"\r\n"))
    (sources / "native" / "notes.txt").write_text("not a source")
    build.require_current(sources)


def test_an_installed_wheel_has_nothing_to_compare(tmp_path: Path) -> None:
    build.require_current(tmp_path)


def test_a_debug_build_does_not_serve(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_native, "PROFILE", "debug")
    with pytest.raises(DebugNativeBuild, match="run `make native`"):
        build.require_current()
