"""Certificates are renewed by the clock on the wall, and whatever a renewal meets, there is a next one."""

import asyncio
import errno
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509
from structlog.testing import capture_logs

from nova.app.authority import LIFE, PARTS, AuthorityUnusable, files_of, issue_all
from nova.app.renewal import LOOK_EVERY_S, RENEWED_AFTER, is_due, keep_renewed
from tests.waiting import running


class Looks:
    """Has `keep_renewed` look when a test says so. `now` is the clock on the wall."""

    def __init__(self) -> None:
        self.now = datetime.now(UTC)
        self.waits: list[float] = []
        self._paused = asyncio.Event()
        self._go = asyncio.Event()

    async def pause(self, wait_s: float) -> None:
        self.waits.append(wait_s)
        self._paused.set()
        await self._go.wait()
        self._go.clear()

    async def look(self) -> None:
        """Let it look once, to the end."""
        await self._paused.wait()
        self._paused.clear()
        self._go.set()
        await self._paused.wait()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "certificates"
    issue_all(folder)
    return folder


def serials(folder: Path) -> list[int]:
    certificates = (files_of(folder, part).certificate.read_bytes() for part in PARTS)
    return [x509.load_pem_x509_certificate(text).serial_number for text in certificates]


async def test_a_third_of_a_life_on_the_wall_is_what_counts(folder: Path) -> None:
    looks, first = Looks(), serials(folder)
    async with running(keep_renewed(folder, now=lambda: looks.now, pause=looks.pause)):
        await looks.look()
        assert serials(folder) == first
        looks.now += RENEWED_AFTER  # the machine slept
        await looks.look()
    assert not set(serials(folder)) & set(first)
    assert looks.waits == [LOOK_EVERY_S] * 3


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), AuthorityUnusable()])
async def test_c1_a_renewal_that_failed_is_tried_again(
    folder: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fails(_: Path) -> None:
        raise error

    looks, first = Looks(), serials(folder)
    looks.now += RENEWED_AFTER
    with capture_logs() as logs:
        async with running(keep_renewed(folder, now=lambda: looks.now, pause=looks.pause)):
            with monkeypatch.context() as full:
                full.setattr("nova.app.renewal.issue_all", fails)
                await looks.look()
            assert serials(folder) == first
            await looks.look()
            assert not set(serials(folder)) & set(first)
    assert [line["event"] for line in logs] == ["certificates_not_renewed"]
    assert looks.waits[1] < looks.waits[0]


def test_what_cannot_be_read_is_due(folder: Path) -> None:
    now = datetime.now(UTC)
    assert not is_due(folder, now)
    assert is_due(folder, now + LIFE)
    file = files_of(folder, PARTS[0]).certificate
    for spoil in (lambda: file.write_text("nothing"), file.unlink):
        spoil()
        assert is_due(folder, now)
