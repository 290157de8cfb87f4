"""The feature table against its plain reference: any writes, any moments."""

from random import Random
from uuid import UUID

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from nova.native.errors import BadInput, SnapshotMismatch
from nova.native.features import Column, FeatureTable
from tests.native.reference_features import PlainTable
from tests.native.trials import MACHINE_TRIALS, TRIALS

COLUMNS = (
    Column("likes", 0.0, 3600.0),
    Column("views", 0.0, 3600.0),
    Column("age_days"),
    Column("affinity", 0.5, 60.0),
)
WIDTH = len(COLUMNS)
IDS = [UUID(int=at << 64 | 7).bytes for at in range(6)]

ids = st.sampled_from(IDS)
moments = st.integers(0, 20_000_000)
values = st.integers(-1_000, 1_000).map(lambda number: number / 8)
indexes = st.integers(0, WIDTH - 1)


class TableMachine(RuleBasedStateMachine):
    """Feeds the same writes to both, and compares every row at every step."""

    def __init__(self) -> None:
        super().__init__()
        self.ours = FeatureTable(COLUMNS)
        self.plain = PlainTable(COLUMNS)

    @rule(batch=st.lists(st.tuples(ids, indexes, values, moments), max_size=8))
    def add(self, batch: list[tuple[bytes, int, float, int]]) -> None:
        known = len(self.plain.rows)
        new = self.ours.add(
            b"".join(identifier for identifier, *_ in batch),
            [column for _, column, *_ in batch],
            [amount for *_, amount, _ in batch],
            at_ms=[at_ms for *_, at_ms in batch],
        )
        for identifier, column, amount, at_ms in batch:
            self.plain.add(identifier, column, amount, at_ms)
        assert new == len(self.plain.rows) - known

    @rule(identifier=ids, row=st.lists(values, min_size=WIDTH, max_size=WIDTH), at_ms=moments)
    def put(self, identifier: bytes, row: list[float], at_ms: int) -> None:
        new = self.ours.put(identifier, np.array([row], np.float32), at_ms=at_ms)
        assert new == (identifier not in self.plain.rows)
        self.plain.rows[identifier] = (at_ms, row)

    @rule(identifier=ids)
    def remove(self, identifier: bytes) -> None:
        assert self.ours.remove(identifier) == (self.plain.rows.pop(identifier, None) is not None)

    @rule(before_ms=st.integers(0, 5_000_000))
    def prune(self, before_ms: int) -> None:
        old = [identifier for identifier, (at_ms, _) in self.plain.rows.items() if at_ms < before_ms]
        assert self.ours.prune(before_ms=before_ms) == len(old)
        for identifier in old:
            del self.plain.rows[identifier]

    @rule(now_ms=moments)
    def look_up(self, now_ms: int) -> None:
        found = self.ours.lookup(b"".join(IDS), now_ms=now_ms)
        expected = [self.plain.at(identifier, now_ms) for identifier in IDS]
        np.testing.assert_allclose(found.values, expected, rtol=1e-4, atol=1e-3)
        assert found.values.dtype == np.float32
        assert found.missing.tolist() == [identifier not in self.plain.rows for identifier in IDS]

    @rule()
    def move_house(self) -> None:
        """Another table, filled from packed rows and then from a snapshot, is the same table."""
        by_row, whole = FeatureTable(COLUMNS), FeatureTable(COLUMNS)
        packed, missing = self.ours.pack(b"".join(self.plain.rows))
        assert not missing.any()
        assert len(packed) == len(self.plain.rows) * self.ours.row_bytes
        by_row.unpack(b"".join(self.plain.rows), packed)
        assert whole.restore(self.ours.snapshot()) == len(self.plain.rows)
        assert by_row.snapshot() == whole.snapshot() == self.ours.snapshot()
        self.ours = whole

    @invariant()
    def contents_agree(self) -> None:
        assert len(self.ours) == len(self.plain.rows)
        at_rest = self.ours.lookup(b"".join(self.plain.rows), now_ms=0).values.tolist()
        exact = dict(zip(self.plain.rows, at_rest, strict=True))
        assert self.ours.content_hash() == self.plain.content_hash(exact)


TestTable = TableMachine.TestCase
TestTable.settings = MACHINE_TRIALS


@TRIALS
@given(
    st.lists(st.tuples(ids, indexes, values, moments), min_size=1, max_size=20),
    st.randoms(use_true_random=False),
)
def test_events_may_come_in_any_order(events: list[tuple[bytes, int, float, int]], random: Random) -> None:
    tables = []
    for _ in range(2):
        table = FeatureTable(COLUMNS)
        for identifier, column, amount, at_ms in events:
            table.add(identifier, [column], [amount], at_ms=at_ms)
        tables.append(table.lookup(b"".join(IDS), now_ms=30_000_000).values)
        random.shuffle(events)
    np.testing.assert_allclose(tables[0], tables[1], rtol=1e-4, atol=1e-3)


def test_a_packed_row_is_the_moment_and_the_values() -> None:
    table = FeatureTable(COLUMNS)
    table.put(IDS[0], np.array([[1, 2, 3, 4]], np.float32), at_ms=77)
    packed, missing = table.pack(IDS[0] + IDS[1])
    row = np.dtype([("at_ms", "<i8"), ("values", "<f4", WIDTH)])
    first, second = np.frombuffer(packed, row)
    assert (first["at_ms"], first["values"].tolist()) == (77, [1, 2, 3, 4])
    assert (second["at_ms"], second["values"].tolist()) == (0, [0, 0, 0, 0.5])
    assert missing.tolist() == [False, True]


def test_columns_are_found_by_name() -> None:
    table = FeatureTable(COLUMNS)
    assert [table.index(column.name) for column in table.columns] == list(range(table.width))
    with pytest.raises(KeyError):
        table.index("shares")


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ([], "no columns"),
        ([Column("a", 0.0, 0.0)], "half-life of 0 s"),
        ([Column("a", 0.0, float("nan"))], "half-life of NaN"),
        ([Column("a", float("inf"))], "not finite"),
    ],
)
def test_a_bad_declaration_is_refused(columns: list[Column], words: str) -> None:
    with pytest.raises(BadInput, match=words):
        FeatureTable(columns)


def test_bad_rows_are_told_how_to_be_mended() -> None:
    table = FeatureTable(COLUMNS)
    good = np.ones((1, WIDTH), np.float32)
    with pytest.raises(BadInput, match="values has 3 columns: give 4"):
        table.put(IDS[0], good[:, :3], at_ms=0)
    with pytest.raises(BadInput, match="two dimensions"):
        table.put(IDS[0], good[0], at_ms=0)
    with pytest.raises(BadInput, match="one whole row for each id"):
        table.put(IDS[0] + IDS[1], good, at_ms=0)
    with pytest.raises(BadInput, match="row 0, column 1 is not finite"):
        table.put(IDS[0], np.array([[0, np.nan, 0, 0]], np.float32), at_ms=0)
    with pytest.raises(BadInput, match="column 4 of 4"):
        table.add(IDS[0], [4], [1.0], at_ms=0)
    with pytest.raises(BadInput, match="columns holds -1"):
        table.add(IDS[0], -1, [1.0], at_ms=0)
    with pytest.raises(BadInput, match="one whole row for each id"):
        table.unpack(IDS[0], b"short")
    assert len(table) == 0


def test_a_snapshot_of_other_columns_is_refused() -> None:
    table, other = FeatureTable(COLUMNS), FeatureTable(COLUMNS[:2])
    table.put(IDS[0], np.ones((1, WIDTH), np.float32), at_ms=5)
    before = table.content_hash()
    for snapshot in (other.snapshot(), b"", table.snapshot()[:-1], b"x" * 500):
        with pytest.raises(SnapshotMismatch, match="rebuild the table from its events"):
            table.restore(snapshot)
    assert table.content_hash() == before
