"""Comparing with the truth: a difference counts when it stays."""

from nova.platform.verification import TRIES, Audit, Verification


class Seen:
    """Compares as it is told, and counts."""

    def __init__(self, *in_use: str) -> None:
        self._in_use = list(in_use)
        self.waited = 0

    async def caught_up(self) -> None:
        self.waited += 1

    async def compare(self) -> Verification:
        return Verification(entries=1, in_use=self._in_use.pop(0), from_truth="truth")

    def audit(self) -> Audit:
        return Audit(self.compare, caught_up=self.caught_up)


async def test_what_is_equal_is_compared_once() -> None:
    seen = Seen("truth")
    assert (await seen.audit().verify()).equal
    assert seen.waited == 1


async def test_a_difference_that_goes_is_none() -> None:
    seen = Seen("old", "old", "truth")
    assert (await seen.audit().verify()).equal
    assert seen.waited == 3


async def test_a_difference_that_stays_is_told() -> None:
    seen = Seen(*["old"] * TRIES)
    verification = await seen.audit().verify()
    assert not verification.equal
    assert verification.in_use == "old"
    assert seen.waited == TRIES
