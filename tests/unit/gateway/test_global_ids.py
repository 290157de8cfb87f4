"""Q7, Q8: ids and cursors that were edited, taken elsewhere, or made up."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nova.gateway.cursors import BadCursor, Cursors
from nova.gateway.global_ids import Kind, decode, encode
from nova.platform.ids import uuid7
from tests.unit.gateway.edge import Edge
from tests.unit.gateway.town import Town

SECRET = "a secret of the house, long enough"
NODE = "query ($id: ID!) { node(id: $id) { __typename } }"


@given(kind=st.sampled_from(Kind), uuid=st.uuids(), place=st.integers(0, 9))
def test_an_id_returns_what_it_was_made_of(kind: Kind, uuid: object, place: int) -> None:
    value = uuid7()
    text = encode(kind, value.bytes, place if kind is Kind.MEDIA else None)
    found = decode(text)
    assert found is not None
    assert (found.kind, found.uuid) == (kind, value)


@given(st.text())
def test_a_made_up_id_is_none(text: str) -> None:
    found = decode(text)
    if found is not None:
        place = found.place if found.kind is Kind.MEDIA else None
        assert encode(found.kind, found.uuid.bytes, place) == text


async def test_q8_wrong_foreign_and_hidden_ids_look_alike(
    gate: Edge, town: Town, ada: bytes, bob: bytes
) -> None:
    hidden = town.post(bob)
    town.hidden_posts.add(hidden)
    ids = ["", "x", "é" * 10, "A" * 5000, encode(Kind.POST, bob), encode(Kind.POST, hidden),
           encode(Kind.USER, uuid7().bytes), encode(Kind.SESSION, ada)]  # fmt: skip
    for one in ids:
        answer = (await gate.ask(NODE, viewer=ada, variables={"id": one})).json()
        assert answer["data"] == {"node": None}
        assert "errors" not in answer
    for one in ids:
        answer = await gate.data(
            "query ($id: ID!) { post(id: $id) { id } }", viewer=ada, variables={"id": one}
        )
        assert answer == {"post": None}


async def test_a1_a_mutation_on_a_foreign_id_and_on_a_hidden_one_look_alike(
    gate: Edge, town: Town, ada: bytes, bob: bytes
) -> None:
    hidden = town.post(bob)
    town.hidden_posts.add(hidden)
    like = "mutation ($id: ID!) { likePost(input: {postId: $id}) { post { id } userErrors { code field message } } }"
    answers = [
        await gate.data(like, viewer=ada, variables={"id": one})
        for one in ("x", encode(Kind.POST, uuid7().bytes), encode(Kind.POST, hidden), encode(Kind.USER, bob))
    ]
    assert all(answer == answers[0] for answer in answers)
    assert answers[0]["likePost"]["userErrors"][0]["code"] == "POST_NOT_FOUND"


def test_q7_a_cursor_belongs_to_one_list_and_one_viewer() -> None:
    ada, bob = uuid7(), uuid7()
    cursors = Cursors([SECRET], ada)
    cursor = cursors.seal("homeFeed:RANKED", b"token")
    assert cursors.open("homeFeed:RANKED", cursor) == b"token"
    assert cursors.open("homeFeed:RANKED", None) == b""
    for other, listing in ((cursors, "homeFeed:FOLLOWING"), (Cursors([SECRET], bob), "homeFeed:RANKED"),
                           (Cursors(["another secret of another house"], ada), "homeFeed:RANKED")):  # fmt: skip
        with pytest.raises(BadCursor):
            other.open(listing, cursor)


def test_q7_while_the_secret_is_replaced_gateways_take_each_other_s_cursors() -> None:
    """In each step of it: the new one is known, then seals, then is alone."""
    ada, old, new = uuid7(), "the secret of the house until now", "the secret of the house from now on"
    steps = [[old], [old, new], [new, old], [new]]
    for before, after in pairwise(steps):
        for one, other in ((before, after), (after, before)):
            cursor = Cursors(one, ada).seal("homeFeed:RANKED", b"token")
            assert Cursors(other, ada).open("homeFeed:RANKED", cursor) == b"token"
    with pytest.raises(BadCursor):
        Cursors([new], ada).open("homeFeed:RANKED", Cursors([old], ada).seal("homeFeed:RANKED", b"token"))


@given(place=st.integers(0, 200), bit=st.integers(0, 7))
def test_q7_a_cursor_with_one_bit_changed_is_refused(place: int, bit: int) -> None:
    cursors = Cursors([SECRET], None)
    cursor = cursors.seal("explore", b"0123456789abcdef")
    raw = bytearray(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    raw[place % len(raw)] ^= 1 << bit
    with pytest.raises(BadCursor):
        cursors.open("explore", urlsafe_b64encode(bytes(raw)).rstrip(b"=").decode())


@given(st.text())
def test_q7_made_up_cursors_are_refused(text: str) -> None:
    with pytest.raises(BadCursor):
        Cursors([SECRET], None).open("explore", text)


async def test_q7_a_cursor_taken_to_another_list_is_bad_input(
    gate: Edge, town: Town, ada: bytes, bob: bytes, eve: bytes
) -> None:
    for author in (bob, bob, eve, eve):
        town.post(author)
    query = """query ($h: String!, $a: String) {
      user(handle: $h) { posts(first: 1, after: $a) { pageInfo { endCursor } } } }"""
    page = await gate.data(query, viewer=ada, variables={"h": "bob"})
    cursor = page["user"]["posts"]["pageInfo"]["endCursor"]
    assert (await gate.data(query, viewer=ada, variables={"h": "bob", "a": cursor}))["user"]
    assert await gate.code(query, viewer=ada, variables={"h": "eve", "a": cursor}) == "BAD_USER_INPUT"
    assert await gate.code(query, viewer=eve, variables={"h": "bob", "a": cursor}) == "BAD_USER_INPUT"
