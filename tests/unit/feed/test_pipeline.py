"""Laws of pages: whatever is removed and however large a page, a walk gives what passes, in order, once."""

import asyncio
from collections.abc import Sequence
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from nova.platform.ids import uuid7
from nova.services.feed.model import Candidate, InSlate, InTime, Order, PartLost, Place, Shelf, UserId
from nova.services.feed.pipeline import OneAfterAnother, fill
from nova.services.feed.stages.stage import Batch, Filter, Sifted, without
from nova.services.feed.tokens import place_of, token_of

VIEWER = UserId(uuid7())
ids_16 = st.binary(min_size=16, max_size=16)
places = st.one_of(
    st.builds(InTime, order=st.sampled_from(Order), before=ids_16),
    st.builds(
        InSlate,
        shelf=st.sampled_from(Shelf),
        slate_id=ids_16,
        offset=st.integers(0, 500),
        before=st.one_of(st.none(), ids_16.filter(any)),
    ),
)


def numbered(number: int) -> bytes:
    return UUID(int=number).bytes


class Countdown:
    """A source of the numbers below a place, highest first, down to `lowest`."""

    def __init__(self, place: InTime, lowest: int = 1) -> None:
        self._next = int.from_bytes(place.before) - 1
        self._lowest = lowest
        self.taken = 0

    async def take(self, want: int) -> Batch:
        numbers = [self._next - step for step in range(want) if self._next - step >= self._lowest]
        self._next -= len(numbers)
        self.taken += len(numbers)
        return Batch(candidates=[candidate(number) for number in numbers], more=self._next >= self._lowest)


class Only:
    """Keeps some numbers."""

    def __init__(self, numbers: set[int]) -> None:
        self._ids = set(map(numbered, numbers))

    async def sift(self, viewer_id: UserId, candidates: Sequence[Candidate]) -> Sifted:
        return without(candidates, {one.post_id: "not" for one in candidates if one.post_id not in self._ids})


class Failing:
    """Is away each second time."""

    def __init__(self) -> None:
        self.times = 0

    async def sift(self, viewer_id: UserId, candidates: Sequence[Candidate]) -> Sifted:
        self.times += 1
        if self.times % 2:
            raise PartLost("graph")
        return Sifted(kept=candidates)


def candidate(number: int) -> Candidate:
    post_id = numbered(number)
    return Candidate(
        post_id=post_id, author_id=post_id, place=InTime(order=Order.FOLLOWING, before=post_id), source="test"
    )


@given(st.integers(0, 300), st.data(), st.integers(1, 100), st.booleans())
def test_a_walk_gives_all_that_passes_in_order_and_once(
    count: int, data: st.DataObject, size: int, fails: bool
) -> None:
    wanted = data.draw(st.sets(st.integers(1, max(count, 1)), max_size=count))
    filters: list[Filter] = [Only(wanted), *([Failing()] if fails else [])]

    async def walk() -> list[bytes]:
        found: list[bytes] = []
        place: Place | None = InTime(order=Order.FOLLOWING, before=numbered(count + 1))
        while place is not None:
            assert isinstance(place, InTime)
            page = await fill(Countdown(place), filters, VIEWER, size=size, start=place)
            assert len(page.items) <= size
            found += [item.post_id for item in page.items]
            place = page.next
        return found

    assert asyncio.run(walk()) == [numbered(number) for number in range(count, 0, -1) if number in wanted]


class Hanging:
    """Never answers, and notes when it need not."""

    def __init__(self) -> None:
        self.ended = False

    async def sift(self, viewer_id: UserId, candidates: Sequence[Candidate]) -> Sifted:
        try:
            await asyncio.Event().wait()
        finally:
            self.ended = True
        raise AssertionError("Nothing sets that event.")


def test_when_one_filter_is_lost_the_others_are_asked_no_more() -> None:
    start, hanging = InTime(order=Order.FOLLOWING, before=numbered(10)), Hanging()
    page = asyncio.run(fill(Countdown(start), [hanging, Failing()], VIEWER, size=5, start=start))
    assert hanging.ended
    assert (page.items, page.next, page.degraded) == ([], start, ["graph"])


@given(st.integers(1, 100))
def test_a_page_that_nothing_passes_ends_with_bounded_work(size: int) -> None:
    source = Countdown(InTime(order=Order.FOLLOWING, before=numbered(1_000_000)))
    start = InTime(order=Order.FOLLOWING)
    page = asyncio.run(fill(source, [Only(set())], VIEWER, size=size, start=start))
    assert not page.items
    assert source.taken <= 2000
    assert page.next == candidate(1_000_000 - source.taken).place


@given(st.integers(0, 40), st.integers(0, 40), st.integers(1, 50))
def test_two_sources_are_one_after_another(first: int, second: int, size: int) -> None:
    async def walk() -> list[bytes]:
        before = InTime(order=Order.FOLLOWING, before=numbered(100 + first))
        after = InTime(order=Order.FOLLOWING, before=numbered(1 + second))
        source = OneAfterAnother(Countdown(before, lowest=100), Countdown(after))
        found: list[bytes] = []
        while True:
            batch = await source.take(size)
            found += [one.post_id for one in batch.candidates]
            if not batch.more:
                return found

    numbers = [*range(99 + first, 99, -1), *range(second, 0, -1)]
    assert asyncio.run(walk()) == [numbered(number) for number in numbers]


@given(places)
def test_q7_a_place_survives_its_token(place: Place) -> None:
    kind = place.order if isinstance(place, InTime) else place.shelf
    assert place_of(token_of(place), {kind}) == place


def test_the_end_has_an_empty_token() -> None:
    assert token_of(None) == b""
    assert place_of(b"", set()) is None
