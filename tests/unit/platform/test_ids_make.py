"""Ids: ordered by time, unique, and the same as the library's."""

import pickle
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from nova.platform.ids import id_of, made_at, uuid7


def test_ids_of_one_process_grow() -> None:
    made = [uuid7() for _ in range(10_000)]
    assert made == sorted(set(made))
    assert {(identifier.version, identifier.variant) for identifier in made} == {(7, "specified in RFC 4122")}
    assert made_at(made[0]) <= made_at(made[-1])


@given(st.binary(min_size=16, max_size=16))
def test_an_id_of_bytes_is_the_librarys(raw: bytes) -> None:
    ours, theirs = id_of(raw), UUID(bytes=raw)
    assert ours == theirs
    assert hash(ours) == hash(theirs)
    assert (str(ours), ours.bytes, ours.is_safe) == (str(theirs), raw, theirs.is_safe)
    assert pickle.loads(pickle.dumps(ours)) == theirs
