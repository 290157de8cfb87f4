"""Garbage to every entry point: a typed error or an answer, never a panic and never the end of the process.

`NOVA_FUZZ_INPUTS` sets how many calls each kernel gets.
"""

import inspect
import os
import random
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from nova import _native

CALLS = int(os.environ.get("NOVA_FUZZ_INPUTS", "20000"))
REFUSALS = (_native.BadInput, TypeError, OverflowError, ValueError)
KERNELS: list[Callable[[], Any]] = [
    _native.Adjacency,
    _native.PostingLists,
    lambda: _native.FeatureTable([0.0, 1.0], [float("inf"), 5.0]),
    lambda: _native.LinearRanker(np.ones((2, 9), np.float32), np.ones(9, np.float32), np.zeros(9, np.uint8)),
]


class Garbage:
    """Arguments mostly nearly right, by the names of the parameters, so that they get past the door."""

    def __init__(self, seed: int, width: int) -> None:
        self.random = random.Random(seed)
        self.numpy = np.random.default_rng(seed)
        self.width = width
        self.size = 0
        self.answers: list[object] = [None]
        self.known = [self.random.randbytes(16) for _ in range(12)] + [bytes(16), b"\xff" * 16]
        self.by_name: dict[str, Callable[[], object]] = (
            dict.fromkeys(
                ("sources", "targets", "users", "subjects", "exclude", "authors", "posts", "ids"), self.ids
            )
            | dict.fromkeys(("viewer", "subject", "source", "target"), self.one_id)
            | dict.fromkeys(("features", "values", "weights"), lambda: self.matrix(np.float32))
            | dict.fromkeys(("amounts", "head_weights"), lambda: self.vector(np.float32))
            | dict.fromkeys(("private", "sigmoid"), lambda: self.vector(np.uint8))
            | dict.fromkeys(("decay", "floor"), self.random.random)
            | dict.fromkeys(("snapshot", "rows"), self.answer)
            | {"before": self.cursor, "multipliers": lambda: self.vector(np.float64)}
            | {"reach": lambda: (self.integer(), self.integer())}
        )

    def arguments(self, parameters: Sequence[str]) -> list[object]:
        """Return one argument for each parameter, all for batches of one size."""
        self.size = self.random.randrange(4)
        return [self.argument(name) for name in parameters]

    def argument(self, name: str) -> object:
        if self.random.random() < 0.9:
            return self.by_name.get(name, self.integer)()
        return self.random.choice(
            (self.ids, self.one_id, self.integer, self.wild, self.answer, lambda: self.matrix(np.float64))
        )()

    def keep(self, answer: object) -> None:
        """Let an answer be an argument later: a snapshot to restore, packed rows to unpack."""
        self.answers += answer if isinstance(answer, tuple) else [answer]
        del self.answers[:-30]

    def answer(self) -> object:
        return self.random.choice(self.answers)

    def ids(self) -> object:
        some = b"".join(self.random.choices(self.known, k=self.size))
        if self.random.random() < 0.05:
            some += self.random.randbytes(self.random.randrange(40))
        return self.random.choice((bytes, bytes, bytearray, memoryview))(some)

    def one_id(self) -> object:
        return self.random.choice(self.known)

    def cursor(self) -> object:
        return self.random.choice((None, self.one_id(), (self.integer(), self.one_id())))

    def integer(self) -> object:
        edges = (0, 1, 2, 3, 0, 1, 2, 3, 7, -1, 255, 1 << 31, (1 << 63) - 1, -(1 << 63), 1 << 64)
        return self.random.choice(edges)

    def matrix(self, kind: type[np.generic]) -> object:
        made = self.numbers((self.size, self.width), kind)
        return made[:, ::-1] if self.random.random() < 0.05 else made

    def vector(self, kind: type[np.generic]) -> object:
        return self.numbers((self.size,), kind)

    def numbers(self, shape: tuple[int, ...], kind: type[np.generic]) -> NDArray[Any]:
        made = self.numpy.normal(0, 10 ** self.random.choice((0, 0, 0, 5, 37)), shape)
        if self.random.random() < 0.05:
            made = np.where(self.numpy.random(shape) < 0.5, np.nan, np.inf)
        with np.errstate(all="ignore"):
            return made.astype(kind)

    def wild(self) -> object:
        number = self.random.choice((0.0, -1.0, float("nan"), float("inf"), 1e308))
        shape = np.zeros((1,) * self.random.randrange(5), np.int64)
        return self.random.choice((None, number, shape, "text", [1, 2], object(), self.random.randbytes(90)))


@pytest.mark.parametrize("make", KERNELS, ids=["graph", "fanout", "features", "rank"])
def test_garbage_is_refused_or_answered(make: Callable[[], Any]) -> None:
    garbage = Garbage(7, width=2)
    kernel = make()
    methods = {
        name: list(inspect.signature(method).parameters)
        for name, method in inspect.getmembers(kernel, callable)
        if not name.startswith("_")
    }
    answered: set[str] = set()
    for _ in range(CALLS):
        name = garbage.random.choice(list(methods))
        try:
            garbage.keep(getattr(kernel, name)(*garbage.arguments(methods[name])))
        except REFUSALS:
            continue
        answered.add(name)
    assert answered == set(methods), "the garbage is too wild to get past the door"


@pytest.mark.parametrize("make", [_native.FeatureTable, _native.LinearRanker], ids=["features", "rank"])
def test_garbage_makes_no_kernel_that_breaks(make: Callable[..., Any]) -> None:
    garbage = Garbage(8, width=3)
    parameters = list(inspect.signature(make).parameters)
    for _ in range(CALLS // 10):
        try:
            kernel = make(*garbage.arguments(parameters))
            if make is _native.LinearRanker:
                kernel.scores(garbage.matrix(np.float32))
        except REFUSALS:
            continue
        assert kernel.width > 0


def test_bytes_that_are_no_snapshot_are_refused() -> None:
    garbage = Garbage(9, width=2)
    table = _native.FeatureTable([0.0, 1.0], [float("inf"), 5.0])
    table.put(garbage.known[0] + garbage.known[1], np.ones((2, 2), np.float32), 5)
    good = table.snapshot()
    for _ in range(CALLS // 10):
        broken = bytearray(good)
        for _ in range(garbage.random.randrange(1, 4)):
            broken[garbage.random.randrange(len(broken))] = garbage.random.randrange(256)
        try:
            table.restore(bytes(broken[: garbage.random.randrange(len(broken) + 1)]))
        except _native.BadInput:
            continue
        assert np.isfinite(table.lookup(garbage.known[0], 5)[0]).all()
