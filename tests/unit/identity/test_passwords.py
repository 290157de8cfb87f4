"""Password hashes: argon2id with the measured parameters, a few at a time."""

import asyncio
import threading
from collections.abc import Iterator
from typing import Literal

import argon2
import pytest

from nova.services.identity import passwords as module
from nova.services.identity.passwords import Cost, HashingBusy, Passwords
from tests.waiting import until

CHEAP = Cost(memory_kib=64, passes=1)


@pytest.fixture
def passwords() -> Iterator[Passwords]:
    passwords = Passwords(workers=1)
    yield passwords
    passwords.close()


class Gate(argon2.PasswordHasher):
    """A hasher that counts how many of its hashes run at once, and holds them until it is opened."""

    def __init__(self) -> None:
        super().__init__(time_cost=1, memory_cost=64, parallelism=1)
        self.open = threading.Event()
        self.lock = threading.Lock()
        self.running = self.most_running = self.begun = 0

    def hash(self, password: str | bytes, *, salt: bytes | None = None) -> str:
        with self.lock:
            self.begun += 1
            self.running += 1
            self.most_running = max(self.most_running, self.running)
        assert self.open.wait(30)
        with self.lock:
            self.running -= 1
        return super().hash(password, salt=salt)


async def test_a_hash_is_argon2id_with_the_measured_parameters(passwords: Passwords) -> None:
    found = argon2.extract_parameters(await passwords.hash("correct horse"))
    assert found.type is argon2.Type.ID
    assert (found.memory_cost, found.time_cost, found.parallelism) == (19_456, 2, 1)


async def test_only_the_right_password_fits(passwords: Passwords) -> None:
    known = await passwords.hash("correct horse")
    assert await passwords.verify(known, "correct horse")
    assert not await passwords.verify(known, "correct horse ")
    assert await passwords.hash("correct horse") != known


class Counter(argon2.PasswordHasher):
    """A hasher that keeps what it was asked to check."""

    def __init__(self) -> None:
        super().__init__(time_cost=1, memory_cost=64, parallelism=1)
        self.checked: list[argon2.Parameters] = []

    def verify(self, hash: str | bytes, password: str | bytes) -> Literal[True]:  # noqa: A002 - argon2's name
        self.checked.append(argon2.extract_parameters(hash if isinstance(hash, str) else hash.decode()))
        return super().verify(hash, password)


async def test_l3_without_a_hash_the_same_work_is_done_and_nothing_fits(
    passwords: Passwords, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = await passwords.hash("correct horse")
    counter = Counter()
    monkeypatch.setattr(passwords, "_hasher", counter)
    assert await passwords.verify(known, "correct horse")
    assert not await passwords.verify(None, "correct horse")
    of_known, of_nobody = counter.checked
    assert of_known == of_nobody


@pytest.mark.parametrize("no_hash", ["", "!"])
async def test_what_is_no_hash_fits_no_password(passwords: Passwords, no_hash: str) -> None:
    assert not await passwords.verify(no_hash, "")


async def test_other_parameters_are_outdated(passwords: Passwords) -> None:
    cheap = Passwords(cost=CHEAP, workers=1)
    assert passwords.is_outdated(await cheap.hash("correct horse"))
    assert not passwords.is_outdated(await passwords.hash("correct horse"))
    cheap.close()


async def test_l1_no_more_hashes_run_than_there_are_workers_whoever_gives_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    gate = Gate()
    passwords = Passwords(cost=CHEAP, workers=2)
    monkeypatch.setattr(passwords, "_hasher", gate)
    callers = [asyncio.create_task(passwords.hash("x")) for _ in range(8)]
    await until(lambda: gate.begun == 2)
    for caller in callers[:6]:
        caller.cancel()
    gone = await asyncio.gather(*callers[:6], return_exceptions=True)
    gate.open.set()
    stayed = await asyncio.gather(*callers[6:])
    passwords.close()
    assert all(isinstance(outcome, asyncio.CancelledError) for outcome in gone)
    assert len(stayed) == 2
    assert gate.most_running == 2
    assert gate.begun == 4


async def test_a_full_queue_refuses_before_any_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_WAITING_PER_WORKER", 2)
    gate = Gate()
    passwords = Passwords(cost=CHEAP, workers=1)
    monkeypatch.setattr(passwords, "_hasher", gate)
    callers = [asyncio.create_task(passwords.hash("x")) for _ in range(5)]
    outcomes = []
    for caller in asyncio.as_completed(callers[3:]):
        with pytest.raises(HashingBusy) as caught:
            await caller
        outcomes.append(caught.value.retry_after_s)
    assert outcomes == [1.0, 1.0]
    with pytest.raises(HashingBusy):
        passwords.require_place()
    gate.open.set()
    assert all(await asyncio.gather(*callers[:3]))
    passwords.require_place()
    passwords.close()
