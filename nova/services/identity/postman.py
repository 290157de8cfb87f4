"""Sends the mails that are queued: at once when they are committed, again when that fails, five times in all.

A mail is put off before it is tried, so that of several processes one sends it, and another does when that one dies.
In doubt it is sent again, under the same Message-ID: a second copy of a link does no harm, and one that never comes
keeps somebody out.
"""

import asyncio
from datetime import timedelta
from typing import Final

import structlog
from prometheus_client import Counter

from nova.platform.backoff import Backoff
from nova.platform.clock import Clock
from nova.platform.errors import NovaError, Timeout, Unavailable
from nova.platform.mail.port import Mailer, MailUnavailable
from nova.platform.tasks import Tasks
from nova.services.identity.letters import written
from nova.services.identity.links import LinkTokens
from nova.services.identity.model import DueMail
from nova.services.identity.store.reading import IdentityStore

MOST_TRIES: Final = 5
# Within the life of a reset link: half a minute, one, two, four.
WAITS: Final = Backoff(first_s=30.0, longest_s=300.0)
_AT_ONCE: Final = 10
_LOOK_EVERY_S: Final = 15.0
# Longer than a try takes, its time-out included.
_OURS_FOR: Final = timedelta(minutes=2)
_log = structlog.get_logger(__name__)

MAILS = Counter("identity_mails_total", "Mails that were tried, by what became of them.", ["kind", "outcome"])


class Postman:
    """Works the queue in the background, from start to stop."""

    def __init__(
        self,
        *,
        store: IdentityStore,
        mailer: Mailer,
        links: LinkTokens,
        site: str,
        clock: Clock,
        tasks: Tasks,
    ) -> None:
        self._store = store
        self._mailer = mailer
        self._links = links
        self._site = site
        self._clock = clock
        self._tasks = tasks
        self._woken = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def wake(self) -> None:
        """Look at the queue now."""
        self._woken.set()

    async def start(self) -> None:
        """Begin."""
        self._task = self._tasks.spawn("identity-postman", self._run(), critical=True)

    async def stop(self) -> None:
        """End; what was not sent stays queued."""
        if self._task is not None:
            task, self._task = self._task, None
            await self._tasks.cancel(task)

    async def deliver(self) -> None:
        """Send all that is due."""
        while True:
            now = self._clock.now()
            async with self._store.transaction() as tx:
                due = await tx.take_due(now, again_at=now + _OURS_FOR, limit=_AT_ONCE)
            await asyncio.gather(*(self._deliver(one) for one in due))
            if len(due) < _AT_ONCE:
                return

    async def _run(self) -> None:
        while True:
            self._woken.clear()
            try:
                await self.deliver()
            except (Unavailable, Timeout) as error:
                _log.warning("mails_put_off", error=error.reason)
            try:
                async with asyncio.timeout(_LOOK_EVERY_S):
                    await self._woken.wait()
            except TimeoutError:
                continue

    async def _deliver(self, due: DueMail) -> None:
        mail = written(due, site=self._site, token=self._links.token_of(due.mail))
        try:
            await self._mailer.send(mail)
        except NovaError as error:
            await self._put_off(due, error)
        else:
            await self._settle(due, "sent")

    async def _put_off(self, due: DueMail, error: NovaError) -> None:
        """Try again later what may still succeed."""
        final = due.tries >= MOST_TRIES or not isinstance(error, MailUnavailable)
        _log.warning(
            "mail_given_up" if final else "mail_put_off",
            mail_id=str(due.mail.mail_id),
            kind=due.mail.kind,
            tries=due.tries,
            error=error.reason,
        )
        if final:
            await self._settle(due, "given_up")
            return
        MAILS.labels(due.mail.kind, "put_off").inc()
        again_at = self._clock.now() + timedelta(seconds=WAITS.wait_s(due.tries))
        async with self._store.transaction() as tx:
            await tx.set_due(due.mail.mail_id, again_at)

    async def _settle(self, due: DueMail, outcome: str) -> None:
        MAILS.labels(due.mail.kind, outcome).inc()
        async with self._store.transaction() as tx:
            await tx.set_due(due.mail.mail_id, None)
