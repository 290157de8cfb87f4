"""Sessions that ended: pushed, polled, late, forgotten in time."""

from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from uuid import UUID

import pytest
from structlog.testing import capture_logs

from nova.platform.auth.actor import RevocationUnknown
from nova.platform.auth.caution import Caution
from nova.platform.auth.claims import ACCESS_LIFETIME_S, CLOCK_SKEW_S, LEEWAY_S
from nova.platform.auth.epochs import Revocation, RevocationFollower
from nova.platform.auth.tokens import ExpiredToken, RevokedToken
from nova.platform.errors import Code, Forbidden
from nova.platform.ids import uuid7
from nova.platform.tasks import Tasks
from tests.tokens import PERMISSIONS
from tests.unit.platform.auth.door import Door


class Ledger:
    """A feed with rows that become visible when told to."""

    def __init__(self) -> None:
        self.rows: dict[int, Revocation] = {}
        self.asked: list[int] = []
        self.down = False

    def add(self, door: Door, seq: int, *, session_id: UUID | None = None) -> UUID:
        session_id = session_id or uuid7()
        self.rows[seq] = Revocation(seq=seq, user_id=uuid7(), session_id=session_id, at=door.clock.now())
        return session_id

    async def since(self, seq: int) -> Sequence[Revocation]:
        self.asked.append(seq)
        if self.down:
            raise ConnectionError
        return [self.rows[number] for number in sorted(self.rows) if number > seq]


@pytest.fixture
async def tasks() -> AsyncIterator[Tasks]:
    tasks = Tasks()
    yield tasks
    await tasks.aclose()


def follower(door: Door, feed: Ledger, tasks: Tasks) -> RevocationFollower:
    return RevocationFollower(door.revocations, feed, tasks=tasks, clock=door.clock)


def is_ended(door: Door, session_id: UUID) -> bool:
    return door.revocations.is_revoked(user_id=uuid7(), session_id=session_id, epoch=1)


async def test_an_ended_session_is_refused_although_its_token_is_known(door: Door) -> None:
    claims, other = door.issuer.claims(), door.issuer.claims()
    token, kept = door.issuer.token(claims), door.issuer.token(other)
    await door.verifier.verify(token)
    door.revocations.apply(
        Revocation(seq=1, user_id=claims.user_id, session_id=claims.session_id, at=door.clock.now())
    )
    for _ in range(2):
        with pytest.raises(RevokedToken):
            await door.verifier.verify(token)
    await door.verifier.verify(kept)


async def test_an_epoch_ends_all_earlier_tokens_of_its_user(door: Door) -> None:
    user = uuid7()
    old = door.issuer.token(door.issuer.claims(user, epoch=1))
    new = door.issuer.token(door.issuer.claims(user, epoch=2))
    other = door.issuer.token(door.issuer.claims(epoch=1))
    door.revocations.apply(Revocation(seq=1, user_id=user, epoch=2, at=door.clock.now()))
    door.revocations.apply(Revocation(seq=0, user_id=user, epoch=1, at=door.clock.now()))
    with pytest.raises(RevokedToken):
        await door.verifier.verify(old)
    await door.verifier.verify(new)
    await door.verifier.verify(other)


def test_a_revocation_names_one_thing(door: Door) -> None:
    for session_id, epoch in ((None, None), (uuid7(), 1)):
        with pytest.raises(ValueError, match="either"):
            Revocation(seq=1, user_id=uuid7(), session_id=session_id, epoch=epoch, at=door.clock.now())


def test_memory_is_bounded_by_the_life_of_tokens(door: Door) -> None:
    ended = [uuid7() for _ in range(100)]
    for seq, session_id in enumerate(ended):
        door.revocations.apply(
            Revocation(seq=seq, user_id=uuid7(), session_id=session_id, at=door.clock.now())
        )
        door.revocations.apply(Revocation(seq=seq, user_id=uuid7(), epoch=1, at=door.clock.now()))
    assert len(door.revocations) == 200
    door.clock.advance(ACCESS_LIFETIME_S + CLOCK_SKEW_S + LEEWAY_S)
    door.revocations.mark_fresh(door.clock.monotonic())
    assert is_ended(door, ended[0]), "a token of that session may still be within its leeway"
    door.clock.advance(LEEWAY_S + 1)
    door.revocations.mark_fresh(door.clock.monotonic())
    assert len(door.revocations) == 0


async def test_a_token_that_a_fast_clock_issued_is_void_to_the_end_of_its_longer_life(door: Door) -> None:
    door.issuer.now += timedelta(seconds=CLOCK_SKEW_S)
    claims = door.issuer.claims()
    token = door.issuer.token(claims)
    door.revocations.apply(
        Revocation(seq=1, user_id=claims.user_id, session_id=claims.session_id, at=door.clock.now())
    )
    door.clock.advance(CLOCK_SKEW_S + ACCESS_LIFETIME_S + LEEWAY_S - 1)
    door.revocations.mark_fresh(door.clock.monotonic())
    with pytest.raises(RevokedToken):
        await door.verifier.verify(token)
    door.clock.advance(1)
    with pytest.raises(ExpiredToken):
        await door.verifier.verify(token)


def test_a_later_epoch_outlives_the_forgetting_of_an_earlier_one(door: Door) -> None:
    user = uuid7()
    door.revocations.apply(Revocation(seq=1, user_id=user, epoch=2, at=door.clock.now()))
    door.clock.advance(1800)
    door.revocations.apply(Revocation(seq=2, user_id=user, epoch=3, at=door.clock.now()))
    door.clock.advance(2000)
    door.revocations.mark_fresh(door.clock.monotonic())
    assert door.revocations.is_revoked(user_id=user, session_id=uuid7(), epoch=2)


def test_listeners_hear_each_revocation_once_and_survive_one_another(door: Door) -> None:
    heard: list[int] = []

    def broken(revocation: Revocation) -> None:
        raise ZeroDivisionError(revocation.seq)

    door.revocations.listen(broken)
    stop = door.revocations.listen(lambda revocation: heard.append(revocation.seq))
    revocation = Revocation(seq=1, user_id=uuid7(), session_id=uuid7(), at=door.clock.now())
    with capture_logs() as logs:
        door.revocations.apply(revocation)
        door.revocations.apply(revocation)
    assert heard == [1]
    assert [line["event"] for line in logs] == ["revocation_listener_failed"]
    stop()
    door.revocations.apply(Revocation(seq=2, user_id=uuid7(), session_id=uuid7(), at=door.clock.now()))
    assert heard == [1]


async def test_the_feed_is_followed_and_late_commits_are_not_skipped(door: Door, tasks: Tasks) -> None:
    feed = Ledger()
    following = follower(door, feed, tasks)
    first = feed.add(door, 1)
    third = feed.add(door, 3)
    await following.poll()
    assert is_ended(door, first)
    assert is_ended(door, third)
    door.clock.advance(5)
    late = feed.add(door, 2)  # its number was taken before 3, its commit came after
    await following.poll()
    assert is_ended(door, late)
    door.clock.advance(6)
    await following.poll()
    assert feed.asked == [0, 0, 3], "old rows are read again for ten seconds, not for ever"
    assert is_ended(door, late)


async def test_a_view_is_fresh_for_five_seconds(door: Door, tasks: Tasks) -> None:
    following = follower(door, Ledger(), tasks)
    assert not door.revocations.is_fresh()
    await following.poll()
    assert door.revocations.is_fresh()
    door.clock.advance(5)
    assert door.revocations.is_fresh()
    door.clock.advance(0.1)
    assert door.revocations.age_s() == pytest.approx(5.1)
    assert not door.revocations.is_fresh()


async def test_what_the_account_holds_is_withheld_while_the_view_is_old(door: Door, tasks: Tasks) -> None:
    sensitive, plain = sorted(PERMISSIONS)
    caution = Caution(door.revocations, sensitive=frozenset({sensitive, "held:by:nobody"}))
    actor = await door.verifier.actor(door.issuer.token(door.issuer.claims()))
    cautious = caution.advised(actor)
    cautious.require(plain)
    with pytest.raises(RevocationUnknown) as caught:
        cautious.require(sensitive)
    assert caught.value.code is Code.UNAVAILABLE
    assert caught.value.retry_after_s == 1.0
    with pytest.raises(Forbidden):
        cautious.require("held:by:nobody")
    await follower(door, Ledger(), tasks).poll()
    caution.advised(actor).require(sensitive)


async def test_a_push_does_not_make_the_view_fresh(door: Door) -> None:
    door.revocations.apply(Revocation(seq=1, user_id=uuid7(), session_id=uuid7(), at=door.clock.now()))
    assert not door.revocations.is_fresh()


async def test_a_feed_that_is_down_is_asked_again_and_told_of(door: Door, tasks: Tasks) -> None:
    feed = Ledger()
    feed.down = True
    following = follower(door, feed, tasks)
    with capture_logs() as logs:
        await following.start()
    assert logs[0]["event"] == "revocation_poll_failed"
    assert door.revocations.age_s() == float("inf")
    await tasks.check()
    await following.stop()
    assert len(tasks) == 0


async def test_a_clock_that_steps_back_forgets_nothing(door: Door) -> None:
    session_id = uuid7()
    door.revocations.apply(Revocation(seq=1, user_id=uuid7(), session_id=session_id, at=door.clock.now()))
    door.clock.advance(timedelta(minutes=-5).total_seconds())
    door.revocations.mark_fresh(door.clock.monotonic())
    assert is_ended(door, session_id)
