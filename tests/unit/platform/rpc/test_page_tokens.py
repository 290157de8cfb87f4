"""Page tokens: the place of an entry, there and back; nothing that was not given is read."""

from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nova.platform.rpc.page_tokens import NEWEST, PageTokenUnknown, place_at, place_of, token_at, token_of

moments = st.datetimes(timezones=st.just(UTC))


@given(st.integers(-(2**63), 2**63 - 1), st.uuids())
def test_a_place_comes_back_as_it_was(moment: int, entry_id: UUID) -> None:
    assert place_of(token_of(moment, entry_id)) == (moment, entry_id)


@given(moments, st.uuids())
def test_a_time_comes_back_to_the_microsecond(at: datetime, entry_id: UUID) -> None:
    assert place_at(token_at(at, entry_id)) == (at, entry_id)


def test_without_a_token_a_list_begins() -> None:
    assert place_of(b"") is None
    assert place_at(b"") == NEWEST


@pytest.mark.parametrize("token", [b"x", bytes(23), bytes(25), b"\x7f" + b"\xff" * 23])
def test_a_foreign_token_is_refused(token: bytes) -> None:
    with pytest.raises(PageTokenUnknown) as refusal:
        place_at(token)
    assert refusal.value.field == "page_token"
