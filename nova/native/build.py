"""Refuses a native core that is stale or was built without optimisation.

The extension carries a digest of the sources that it was built from. Where those sources lie beside the package
(an editable install), they are hashed again and must agree; in an installed wheel there are none to compare.
"""

import hashlib
from collections.abc import Iterator
from pathlib import Path

from nova import _native
from nova.native.errors import DebugNativeBuild, StaleNativeBuild

REMEDY = "run `make native`"

_ROOT = Path(__file__).resolve().parents[2]


def require_current(root: Path = _ROOT) -> None:
    """Raise `DebugNativeBuild` or `StaleNativeBuild` unless the extension is what its sources ask for."""
    if _native.PROFILE != "release":
        raise DebugNativeBuild(f"the native core is a {_native.PROFILE} build, too slow to serve: {REMEDY}")
    if (root / "native" / "py" / "Cargo.toml").is_file() and source_digest(root) != _native.SOURCE_DIGEST:
        raise StaleNativeBuild(f"the native core is older than its sources in {root / 'native'}: {REMEDY}")


def source_digest(root: Path) -> str:
    """Return SHA-256 over the sources below `root`, as `native/py/build.rs` computes it.

    Every `*.rs` and `Cargo.toml` under native/, and the workspace's Cargo.toml and Cargo.lock, in the byte order
    of their paths: the path, a zero byte, the content with CR LF as LF, a zero byte.
    """
    digest = hashlib.sha256()
    for path in sorted(_sources(root), key=str.encode):
        content = (root / path).read_bytes().replace(b"\r\n", b"\n")
        digest.update(path.encode() + b"\0" + content + b"\0")
    return digest.hexdigest()


def _sources(root: Path) -> Iterator[str]:
    workspace = [root / "Cargo.toml", root / "Cargo.lock"]
    crates = (root / "native").rglob("*")
    wanted = (path for path in crates if path.suffix == ".rs" or path.name == "Cargo.toml")
    for path in (*workspace, *wanted):
        if path.is_file():
            yield path.relative_to(root).as_posix()
