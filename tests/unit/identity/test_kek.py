"""The key-encryption key of a data folder: made once, whole, and for its owner alone."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from nova.services.identity.kek import Kek, KekUnusable, kept_in


def test_it_is_kept_and_read_again(tmp_path: Path) -> None:
    made, read = kept_in(tmp_path / "data"), kept_in(tmp_path / "data")
    assert read.unseal(made.seal(b"key", name="a"), name="a") == b"key"
    (file,) = (tmp_path / "data").iterdir()
    assert file.stat().st_mode & 0o777 == 0o600


def test_of_many_that_make_it_at_once_all_use_one(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        keys = list(pool.map(lambda _: kept_in(tmp_path), range(8)))
    assert len({key.derived("x") for key in keys}) == 1
    assert [file.name for file in tmp_path.iterdir()] == ["identity.kek"]


def test_c1_a_damaged_or_unreadable_file_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "identity.kek").write_text("short")
    with pytest.raises(KekUnusable, match="mv "):
        kept_in(tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(KekUnusable, match="NOVA_IDENTITY_KEK"):
        kept_in(tmp_path / "file")


def test_purposes_and_keys_have_secrets_of_their_own() -> None:
    first, second = Kek("k" * 32), Kek("l" * 32)
    assert len({*first.derived("a"), *first.derived("b"), *second.derived("a")}) == 3
    assert second.unseal(first.seal(b"key", name="a"), name="a") is None
