"""Load shedding: how many are let in, by the strain of the platform and by what it gets done."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nova.gateway.errors import TooBusy
from nova.gateway.global_ids import Kind, encode
from nova.gateway.shedding import DOUBLES_S, LEAST, MOST, OBJECTIVE_S, STILL_STRAINED, STRAINED, Shedding
from nova.platform.config import Config, Limits, Server
from nova.platform.strain import OVER_S, Strain
from tests.unit.gateway.edge import Edge, edge
from tests.unit.gateway.town import Town

POST = "query($id: ID!) { post(id: $id) { caption } }"


@dataclass
class Door:
    """A shedding on a clock of its own, and those that are inside."""

    now: float = 1000.0
    inside: list[ExitStack] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.strain = Strain(monotonic=self.monotonic)
        self.shedding = Shedding(self.strain, monotonic=self.monotonic)

    def monotonic(self) -> float:
        return self.now

    def strained(self) -> None:
        self.strain.tell(1.0)

    def enter(self) -> bool:
        """Let one in where there is a place; return whether there was."""
        with ExitStack() as stack:
            try:
                stack.enter_context(self.shedding.admitted())
            except TooBusy:
                return False
            self.inside.append(stack.pop_all())
        return True

    def leave(self) -> None:
        self.inside.pop(0).close()

    def crowd(self, many: int) -> int:
        """Have so many come at once; return how many were let in."""
        return sum(self.enter() for _ in range(many))

    def pass_s(self, seconds: float) -> None:
        self.now += seconds
        self.strained()

    def serve(self, *, each_s: float, seconds: float) -> None:
        """Have one end each `each_s`, under strain, and more than can be served come all the time."""
        for _ in range(round(seconds / each_s)):
            self.pass_s(each_s)
            if self.inside:
                self.leave()
            self.crowd(5)


@pytest.fixture
def door() -> Door:
    return Door()


def test_without_strain_only_memory_is_a_bound(door: Door) -> None:
    assert door.crowd(MOST + 1) == MOST


def test_under_strain_a_crowd_waits_outside(door: Door) -> None:
    door.strained()
    assert door.crowd(1000) == LEAST


def test_a_crowd_that_is_inside_shrinks_to_what_is_served_in_time(door: Door) -> None:
    door.crowd(MOST)
    door.serve(each_s=0.01, seconds=10)
    # A hundred a second, each to take OBJECTIVE_S: that many are in flight at a time.
    assert len(door.inside) == pytest.approx(100 * OBJECTIVE_S, abs=2)


def test_a_slow_platform_always_has_some_in_flight(door: Door) -> None:
    door.strained()
    door.crowd(1000)
    door.serve(each_s=0.5, seconds=60)
    assert len(door.inside) == LEAST


def test_the_more_is_served_the_more_is_let_in(door: Door) -> None:
    door.strained()
    door.crowd(1000)
    door.serve(each_s=0.01, seconds=5)
    before = len(door.inside)
    door.serve(each_s=0.0025, seconds=5)
    assert len(door.inside) > 3 * before


def test_a_dependency_that_hangs_sheds_nobody(door: Door) -> None:
    for _ in range(200):  # twenty a second, each a second: nothing waits for the processor
        door.now += 0.05
        assert door.enter()
        if len(door.inside) > 20:
            door.leave()


def test_a_narrow_door_opens_slowly_once_loops_are_idle(door: Door) -> None:
    door.strained()
    door.crowd(1000)
    quiet_s = 5 * OVER_S  # then what was told has faded
    door.now += quiet_s
    door.crowd(1000)
    before = len(door.inside)
    assert before < 2 * LEAST * 2 ** (quiet_s / DOUBLES_S)
    door.now += 2 * DOUBLES_S
    door.crowd(1000)
    assert len(door.inside) == pytest.approx(4 * before, abs=4)


def test_a_strain_that_comes_and_goes_does_not_open_the_door(door: Door) -> None:
    door.strained()
    door.crowd(1000)
    door.serve(each_s=0.05, seconds=10)
    for _ in range(20):
        door.now += 2 * OVER_S
        door.crowd(1000)
        assert len(door.inside) <= 2 * LEAST
        door.serve(each_s=0.05, seconds=0.2)


def test_a_full_door_stays_narrow_at_what_would_not_have_narrowed_it(door: Door) -> None:
    smaller = (STRAINED + STILL_STRAINED) / 2
    door.strain.tell(smaller)
    assert door.crowd(MOST) == MOST
    door = Door()
    door.strained()
    door.crowd(1000)
    for _ in range(1000):
        door.now += 0.01
        door.strain.tell(smaller)
        assert not door.enter()


def test_a_door_that_nobody_fills_opens_even_so(door: Door) -> None:
    door.strained()
    door.crowd(1000)
    door.leave()
    door.now += 3 * OVER_S
    for _ in range(2000):
        door.now += 0.01
        door.strain.tell((STRAINED + STILL_STRAINED) / 2)
        assert door.enter()
        door.leave()
    door.crowd(MOST)
    assert len(door.inside) == MOST


def test_when_the_strain_ends_all_are_let_in_again(door: Door) -> None:
    door.strained()
    door.crowd(1000)
    door.serve(each_s=0.05, seconds=10)
    door.now += 20 * DOUBLES_S
    door.crowd(1000)
    assert len(door.inside) == MOST


def test_a_place_is_given_back_by_who_fails_and_who_leaves(door: Door) -> None:
    for failure in (ValueError("broken"), asyncio.CancelledError()):
        for _ in range(2 * MOST):
            with pytest.raises(type(failure)), door.shedding.admitted():
                raise failure
    assert door.crowd(MOST) == MOST


def test_who_is_refused_is_told_when_to_come_again(door: Door) -> None:
    door.crowd(MOST)
    with pytest.raises(TooBusy) as raised, door.shedding.admitted():
        pass
    assert raised.value.retry_after_s == 1.0


@settings(max_examples=200)
@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("come"), st.integers(1, 100)),
            st.tuples(st.just("leave"), st.integers(1, 100)),
            st.tuples(st.just("pass"), st.floats(0, 5)),
            st.tuples(st.just("rest"), st.floats(0, 5)),
        ),
        max_size=60,
    )
)
def test_whatever_comes_some_are_let_in_and_never_too_many(steps: list[tuple[str, float]]) -> None:
    door = Door()
    for step, much in steps:
        if step == "come":
            door.crowd(int(much))
        elif step == "leave":
            for _ in range(min(int(much), len(door.inside))):
                door.leave()
        elif step == "pass":
            door.pass_s(much)
        else:
            door.now += much
        assert len(door.inside) <= MOST
        if len(door.inside) < LEAST:
            assert door.enter()


@asynccontextmanager
async def held(gate: Edge, town: Town, many: int) -> AsyncIterator[list["asyncio.Task[int]"]]:
    """Have so many people ask for a post, which the content room gives them at the end of the block."""
    town.gate = asyncio.Event()
    reader, post = town.person("reader"), encode(Kind.POST, town.post(town.person("author")))

    async def ask() -> int:
        return (await gate.ask(POST, viewer=reader, variables={"id": post})).status

    tasks = [asyncio.create_task(ask()) for _ in range(many)]
    try:
        await town.entered.wait()
        yield tasks
    finally:
        town.gate.set()


async def test_under_overload_the_door_answers_503_and_says_when(
    town: Town, redis_url: str, tmp_path: Path, ada: bytes
) -> None:
    # Many at once are an overload here, not too many requests of one address or person.
    config = Config(limits=Limits(ip_burst=1000, queries_per_min=1000), server=Server(port=0, data=tmp_path))
    async with edge(town, redis_url, config=config) as gate:
        gate.platform.strain.tell(1e9)
        async with held(gate, town, 2 * LEAST) as tasks:
            refused = [await task for task in asyncio.as_completed(tasks[LEAST:])]
            answer = await gate.ask(POST, viewer=ada, variables={"id": "any"})
        assert refused == [503] * LEAST
        assert [await task for task in tasks[:LEAST]] == [200] * LEAST
        assert answer.status == 503
        assert answer.headers["retry-after"] == "1"
        (error,) = answer.json()["errors"]
        assert (error["extensions"]["code"], error["extensions"]["reason"]) == ("UNAVAILABLE", "TOO_BUSY")


async def test_without_limits_nothing_is_shed(gate: Edge, town: Town) -> None:
    gate.platform.strain.tell(1e9)
    async with held(gate, town, 2 * LEAST) as tasks:
        pass
    assert [await task for task in tasks] == [200] * (2 * LEAST)
