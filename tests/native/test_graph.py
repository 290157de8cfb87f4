"""The adjacency against its plain reference: any events, any questions."""

import threading
from itertools import pairwise
from random import Random
from uuid import UUID

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from nova.native.errors import BadInput
from nova.native.graph import Adjacency, Edge, Listing, Relation
from nova.native.ids import pack, pack_one, unpack
from tests.native.reference_graph import PlainAdjacency
from tests.native.trials import MACHINE_TRIALS, TRIALS

# Both words of an id differ between people, in opposite orders.
PEOPLE = [UUID(int=(at << 64) | (9 - at)).bytes for at in range(7)]
NOW_MS = 3

people = st.sampled_from(PEOPLE)
kinds = st.sampled_from(Edge)
pairs = st.tuples(people, people).filter(lambda pair: pair[0] != pair[1])
times = st.integers(0, 6)
some_people = st.lists(people, unique=True, max_size=3)


def split(buffer: bytes) -> list[bytes]:
    return [pack_one(identifier) for identifier in unpack(buffer)]


class AdjacencyMachine(RuleBasedStateMachine):
    """Feeds the same events to both, and asks both everything."""

    def __init__(self) -> None:
        super().__init__()
        self.ours = Adjacency()
        self.plain = PlainAdjacency()

    @rule(kind=kinds, batch=st.lists(st.tuples(pairs, times, times), max_size=8))
    def put(self, kind: Edge, batch: list[tuple[tuple[bytes, bytes], int, int]]) -> None:
        sources, targets = (b"".join(pair[end] for pair, _, _ in batch) for end in (0, 1))
        at_ms = [at for _, at, _ in batch]
        self.ours.put(kind, sources, targets, at_ms=at_ms, versions=[version for *_, version in batch])
        for (source, target), at, version in batch:
            self.plain.put(kind, source, target, at, version)

    @rule(pair=pairs, at_ms=times, version=times)
    def follow(self, pair: tuple[bytes, bytes], at_ms: int, version: int) -> None:
        self.put(Edge.FOLLOW, [(pair, at_ms, version)])

    @rule(kind=kinds, pair=pairs, version=times)
    def drop(self, kind: Edge, pair: tuple[bytes, bytes], version: int) -> None:
        was_there = self.plain.has(kind, *pair)
        dropped = self.ours.drop(kind, *pair, versions=version)
        self.plain.drop(kind, *pair, version)
        assert dropped == (was_there and not self.plain.has(kind, *pair))

    @rule(user=people, private=st.booleans(), version=times)
    def set_private(self, user: bytes, private: bool, version: int) -> None:
        self.ours.set_private(user, [private], versions=version)
        self.plain.set_private(user, private, version)

    @rule(before=times)
    def prune(self, before: int) -> None:
        self.ours.prune_tombstones(before_version=before)
        self.plain.prune_tombstones(before)

    @invariant()
    def relations_agree(self) -> None:
        for viewer in PEOPLE:
            bits = self.ours.relations(viewer, b"".join(PEOPLE), now_ms=NOW_MS)
            assert bits.tolist() == [self.plain.relation(viewer, subject, NOW_MS) for subject in PEOPLE]
            assert split(self.ours.hidden(viewer)) == sorted(self.plain.hidden(viewer))
            assert split(self.ours.muted(viewer, now_ms=NOW_MS)) == sorted(self.plain.muted(viewer, NOW_MS))

    @invariant()
    def contents_agree(self) -> None:
        sizes = self.ours.sizes()
        present = [kind for kind, *_ in self.plain.present()]
        assert [sizes[name] for name in ("follows", "requests", "blocks", "mutes")] == [
            present.count(kind) for kind in Edge
        ]
        assert self.ours.content_hash() == self.plain.content_hash()

    @rule(listing=st.sampled_from(Listing), subject=people, limit=st.integers(1, 4), excluded=some_people)
    def walk_a_list(self, listing: Listing, subject: bytes, limit: int, excluded: list[bytes]) -> None:
        rows: list[tuple[int, bytes]] = []
        while True:
            before = rows[-1] if rows else None
            page = self.ours.page(listing, subject, limit=limit, before=before, exclude=b"".join(excluded))
            rows += zip(page.at_ms.tolist(), split(page.ids), strict=True)
            if len(page.at_ms) < limit:
                break
        expected = [row for row in self.plain.rows(listing, subject) if row[1] not in excluded]
        assert rows == expected

    @rule(excluded=some_people)
    def count(self, excluded: list[bytes]) -> None:
        counts = self.ours.counts(b"".join(PEOPLE), exclude=b"".join(excluded))
        lists = (Listing.FOLLOWERS, Listing.FOLLOWING)
        for subject, row in zip(PEOPLE, counts.tolist(), strict=True):
            shown = [[who for _, who in self.plain.rows(of, subject) if who not in excluded] for of in lists]
            assert row == [len(some) for some in shown]

    @rule(source=people, depth=st.integers(0, 5), excluded=some_people)
    def find_paths(self, source: bytes, depth: int, excluded: list[bytes]) -> None:
        distances = self.plain.distances(source, excluded)
        for target in PEOPLE:
            found = self.ours.path(source, target, max_depth=depth, exclude=b"".join(excluded))
            if distances.get(target, depth + 1) > depth:
                assert found is None
                continue
            assert found is not None
            steps = split(found)
            assert (steps[0], steps[-1], len(steps) - 1) == (source, target, distances[target])
            assert not set(steps) & set(excluded)
            assert all(self.plain.has(Edge.FOLLOW, a, b) for a, b in pairwise(steps))

    @rule(viewer=people, k=st.integers(0, 6), excluded=some_people)
    def suggest(self, viewer: bytes, k: int, excluded: list[bytes]) -> None:
        found = self.ours.candidates(viewer, k=k, now_ms=NOW_MS, exclude=b"".join(excluded))
        expected = self.plain.candidates(viewer, NOW_MS, excluded)[:k]
        assert split(found.ids) == [who for *_, who in expected]
        assert found.mutuals.tolist() == [mutuals for _, mutuals, _ in expected]
        np.testing.assert_allclose(found.scores, [score for score, *_ in expected], rtol=1e-12)

    @precondition(lambda self: self.plain.edges)
    @rule(viewer=people, excluded=some_people)
    def look_for_mutuals(self, viewer: bytes, excluded: list[bytes]) -> None:
        counts = self.ours.mutual_counts(viewer, b"".join(PEOPLE), exclude=b"".join(excluded))
        for subject, count in zip(PEOPLE, counts.tolist(), strict=True):
            found = split(self.ours.mutuals(viewer, subject, limit=9, exclude=b"".join(excluded)))
            expected = [who for who in self.plain.mutuals(viewer, subject) if who not in excluded]
            assert sorted(found) == sorted(expected)
            assert count == len(expected)


TestAdjacency = AdjacencyMachine.TestCase
TestAdjacency.settings = MACHINE_TRIALS


@TRIALS
@given(st.lists(st.tuples(kinds, pairs, times, times), max_size=25), st.randoms(use_true_random=False))
def test_any_order_gives_the_same_hash(
    events: list[tuple[Edge, tuple[bytes, bytes], int, int]], random: Random
) -> None:
    hashes = set()
    for _ in range(3):
        graph = Adjacency()
        for kind, pair, at_ms, version in events:
            graph.put(kind, *pair, at_ms=at_ms, versions=version)
        hashes.add(graph.content_hash())
        random.shuffle(events)
    assert len(hashes) == 1


def test_uuids_and_every_kind_of_buffer_are_ids() -> None:
    uuids = [UUID(bytes=person) for person in PEOPLE]
    packed = pack(uuids)
    rows = np.frombuffer(packed, np.uint8).reshape(-1, 16)
    graph = Adjacency()
    graph.put(Edge.FOLLOW, [uuids[0]], [uuids[3]], at_ms=1, versions=1)
    shapes = (uuids, packed, bytearray(packed), memoryview(packed), rows, rows.view("V16"), rows[::1])
    for ids in shapes:
        assert graph.relations(uuids[0], ids, now_ms=0).tolist() == [Relation.SELF, 0, 0, 1, 0, 0, 0]
    every_other = graph.relations(uuids[0], np.frombuffer(packed, "V16")[1::2], now_ms=0)
    assert every_other.tolist() == [0, Relation.FOLLOWS, 0]


def test_a_refused_batch_changes_nothing() -> None:
    graph = Adjacency()
    with pytest.raises(BadInput, match="both ends"):
        graph.put(Edge.FOLLOW, PEOPLE[0] + PEOPLE[1], PEOPLE[2] + PEOPLE[1], at_ms=1, versions=1)
    assert graph.sizes()["people"] == 0


@pytest.mark.parametrize(
    ("sources", "targets", "at_ms", "versions", "words"),
    [
        (PEOPLE[0][:15], PEOPLE[1], 1, 1, "16 bytes"),
        (PEOPLE[0], PEOPLE[1] + PEOPLE[2], 1, 1, "as many of each"),
        (PEOPLE[0], PEOPLE[1], [1, 2], 1, "at_ms has 2 numbers: give 1"),
        (PEOPLE[0], PEOPLE[1], 1, 1 << 70, "64 bits"),
        (np.zeros(4, np.float32), PEOPLE[1], 1, 1, "16 bytes for each id"),
    ],
)
def test_bad_input_is_told_how_to_be_mended(
    sources: bytes, targets: bytes, at_ms: int, versions: int, words: str
) -> None:
    with pytest.raises(BadInput, match=words):
        Adjacency().put(Edge.FOLLOW, sources, targets, at_ms=at_ms, versions=versions)


def test_one_id_is_exactly_one() -> None:
    with pytest.raises(BadInput, match="viewer holds 2 ids: give exactly one"):
        Adjacency().hidden(PEOPLE[0] + PEOPLE[1])


def test_threads_write_and_read_at_once() -> None:
    graph, alone = Adjacency(), Adjacency()
    hub, spokes = UUID(int=1).bytes, [UUID(int=at).bytes for at in range(2, 402)]
    failures: list[BaseException] = []

    def write(part: list[bytes]) -> None:
        try:
            for at_ms, spoke in enumerate(part):
                graph.put(Edge.FOLLOW, spoke, hub, at_ms=at_ms, versions=1)
                counts = graph.counts(hub)
                page = graph.page(Listing.FOLLOWERS, hub, limit=500)
                assert len(page.at_ms) >= counts[0, 0]
        except BaseException as failure:  # noqa: BLE001 - a thread's failure is raised by the test below
            failures.append(failure)

    threads = [threading.Thread(target=write, args=(spokes[at::4],)) for at in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    for at in range(4):
        for at_ms, spoke in enumerate(spokes[at::4]):
            alone.put(Edge.FOLLOW, spoke, hub, at_ms=at_ms, versions=1)
    assert graph.content_hash() == alone.content_hash()
