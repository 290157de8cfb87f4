"""The house puts caution before every room: rights over others rest on a fresh view of revocations."""

from pathlib import Path

import pytest

from nova.api.content.v1 import content_pb2 as content
from nova.api.content.v1.content_pb2_grpc import ContentServiceStub
from nova.api.identity.v1 import identity_pb2 as identity
from nova.api.identity.v1.identity_pb2_grpc import IdentityServiceStub
from nova.app import rooms
from nova.app.engines.embedded import Engines
from nova.app.house import House
from nova.platform.auth.actor import Actor
from nova.platform.errors import Unavailable
from nova.platform.ids import uuid7
from nova.platform.rpc.context import CallContext, entered
from tests.unit.app.own_house import configured, prepared


def by(tokens: identity.Tokens) -> entered:
    """Return a block in which calls carry a token: the rooms find out whose it is."""
    actor = Actor(
        user_id=uuid7(), session_id=uuid7(), roles=frozenset(), permissions=frozenset(), token=tokens.access_token
    )  # fmt: skip
    return entered(CallContext(actor=actor))


async def newcomer(house: House, *roles: str) -> identity.Tokens:
    """Return the tokens of somebody new with these roles."""
    handle = f"u{uuid7().hex[-12:]}"
    stub = IdentityServiceStub(house.channel("identity"))
    request = identity.SignUpRequest(
        handle=handle, email=f"{handle}@example.org", password="a good password", display_name="Somebody"
    )
    tokens = (await stub.SignUp(request)).tokens
    await house.database("identity").primary.fetch(
        "UPDATE accounts SET roles = $2 WHERE handle = $1", handle, ["member", *roles]
    )
    renewed = await stub.RefreshSession(identity.RefreshSessionRequest(refresh_token=tokens.refresh_token))
    return renewed.tokens


async def test_a_stale_view_withholds_rights_over_others_and_not_those_over_one_s_own(
    engines: Engines, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = configured(engines, tmp_path)
    async with prepared(config) as sources, House(config, sources, rooms=rooms.ROOMS) as house:
        posts = ContentServiceStub(house.channel("content"))
        author, moderator = await newcomer(house), await newcomer(house, "moderator")
        request = content.CreatePostRequest(
            caption="hello", content_type=content.CONTENT_TYPE_TEXT, audience=content.AUDIENCE_EVERYONE
        )
        with by(author):
            deletes = [
                content.DeletePostRequest(post_id=(await posts.CreatePost(request)).post.post_id)
                for _ in range(2)
            ]
        with monkeypatch.context() as stale:
            stale.setattr("nova.platform.auth.epochs.SENSITIVE_AGE_S", -1.0)
            with by(moderator), pytest.raises(Unavailable) as caught:
                await posts.DeletePost(deletes[0])
            assert caught.value.reason == "REVOCATION_UNKNOWN"
            with by(author):
                await posts.DeletePost(deletes[1])
        with by(moderator):
            await posts.DeletePost(deletes[0])
