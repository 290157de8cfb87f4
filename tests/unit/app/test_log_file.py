"""The logs of a Nova and its parts are bounded, and a full disk costs lines and nothing else."""

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from nova.app.log_file import LogFile, PartLogs


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "nova.log"


def test_it_goes_on_where_it_was_and_keeps_one_that_is_full(path: Path) -> None:
    for words in ("one", "two"):
        with LogFile(path, most_bytes=8) as log:
            log.write(f"{words}\n")
    assert path.read_text() == "one\ntwo\n"
    with LogFile(path, most_bytes=8) as log:
        for words in ("three", "four", "five", "six"):
            log.write(f"{words}\n")
        assert path.with_name("nova.log.1").read_text() == "three\nfour\n"
        assert path.read_text() == "five\nsix\n"


def test_c1_it_is_begun_anew_once_that_can_be_done(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any, **__: Any) -> Any:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with LogFile(path, most_bytes=4) as log:
        log.write("one\n")
        with monkeypatch.context() as disk:
            disk.setattr(Path, "open", full)
            with pytest.raises(OSError, match="space"):
                log.write("lost\n")
        log.write("two\n")
        assert path.read_text() == "two\n"


def test_a_part_that_says_too_much_puts_nobody_elses_lines_aside(tmp_path: Path) -> None:
    with PartLogs(tmp_path, most_bytes=40) as logs:
        logs.write("feed", "feed     1 | once\n")
        for turn in range(30):
            logs.write("social", f"social   {turn} | fell\n")
    assert {file.name for file in tmp_path.iterdir()} == {"feed.log", "social.log", "social.log.1"}
    assert (tmp_path / "feed.log").read_text() == "feed     1 | once\n"
    assert (tmp_path / "social.log").read_text().endswith("social   29 | fell\n")
