"""Keeps the certificates of an authority's folder good for as long as parts run with them."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, NoReturn

import structlog
from cryptography import x509

from nova.app.authority import LIFE, PARTS, files_of, issue_all
from nova.platform.backoff import Backoff

LOOK_EVERY_S: Final = 60.0
RENEWED_AFTER: Final = LIFE / 3

_log = structlog.get_logger(__name__)


async def keep_renewed(
    folder: Path,
    *,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
    pause: Callable[[float], Awaitable[object]] = asyncio.sleep,
) -> NoReturn:
    """Renew all certificates of `folder` once a third of their life is over, and try again while that fails.

    The clock on the wall is asked each minute: one that only runs while the machine is awake would let them expire
    after a night's sleep.
    """
    pauses = Backoff(first_s=1.0, longest_s=LOOK_EVERY_S)
    failures = 0
    while True:
        await pause(pauses.wait_s(failures) if failures else LOOK_EVERY_S)
        try:
            if is_due(folder, now()):
                await asyncio.to_thread(issue_all, folder)
        except Exception:  # noqa: BLE001 - without a next try nobody could call anybody a day later
            failures += 1
            _log.exception("certificates_not_renewed", folder=str(folder), failures=failures)
        else:
            failures = 0


def is_due(folder: Path, now: datetime) -> bool:
    """Return whether a part's certificate has to be renewed, or cannot be read. Raises OSError."""
    return any(_expires_at(folder, part) - now <= LIFE - RENEWED_AFTER for part in PARTS)


def _expires_at(folder: Path, part: str) -> datetime:
    try:
        text = files_of(folder, part).certificate.read_bytes()
        return x509.load_pem_x509_certificate(text).not_valid_after_utc
    except (FileNotFoundError, ValueError):
        return datetime.min.replace(tzinfo=UTC)
