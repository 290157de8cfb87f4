"""Opening a session and handing out its tokens, once under an idempotency key.

Tokens are never stored in clear, so a repeated call cannot be given a kept answer. It is given the same one
again: its refresh token is derived from the call, and is handed out only while it is still the session's head.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from nova.platform.clock import Clock
from nova.platform.ids import uuid7
from nova.services.identity.model import (
    Account,
    Device,
    KeyedCall,
    Session,
    SessionId,
    SignedIn,
    TokenPair,
)
from nova.services.identity.store.tx import IdentityTx
from nova.services.identity.tokens import AccessTokens, RefreshToken, RefreshTokens, framed


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """A session about to be opened by a call; `is_repeat`: an earlier one under the same key has opened it."""

    session_id: SessionId
    token: RefreshToken
    call: KeyedCall | None = None
    is_repeat: bool = False


class Tickets:
    """Hands out tokens inside a transaction, so that none leaves without its row."""

    def __init__(
        self, *, access: AccessTokens, refresh: RefreshTokens, clock: Clock, refresh_life: timedelta
    ) -> None:
        self._access = access
        self._refresh = refresh
        self._clock = clock
        self._refresh_life = refresh_life

    async def start(self, tx: IdentityTx, call: KeyedCall | None) -> Start:
        """Draw the session's id and token, or under a known key return the first call's."""
        session_id = SessionId(uuid7())
        if call is None:
            return Start(session_id=session_id, token=self._refresh.drawn())
        first = await tx.claim_call(call, session_id, self._clock.now())
        token = self.token_of(call, first.bytes)
        return Start(session_id=first, token=token, call=call, is_repeat=first != session_id)

    async def open(self, tx: IdentityTx, account: Account, device: Device, start: Start) -> SignedIn:
        """Open a session; on a repeat return the one that the first call opened, if it was not used since."""
        if start.is_repeat:
            told = await self.told(tx, start.session_id, start.call, start.session_id.bytes)
            if told is not None:
                return self.pair(account, start.session_id, told)
            start = await self.start(tx, None)
        now = self._clock.now()
        expires_at = now + self._refresh_life
        await tx.add_session(
            Session(
                session_id=start.session_id,
                user_id=account.user_id,
                device=device,
                created_at=now,
                last_used_at=now,
                expires_at=expires_at,
            )
        )
        await tx.add_refresh_token(start.token.hash, start.session_id, expires_at)
        return self.pair(account, start.session_id, start.token)

    async def renew(self, tx: IdentityTx, session_id: SessionId, token: RefreshToken) -> None:
        """Make `token` the head of a session that has none, and let the session live on from now."""
        now = self._clock.now()
        expires_at = now + self._refresh_life
        await tx.add_refresh_token(token.hash, session_id, expires_at)
        await tx.use_session(session_id, now, expires_at)

    def token_of(self, call: KeyedCall | None, *parts: bytes) -> RefreshToken:
        """Return the token of a call under a key, which `parts` make its own; without a key a random one."""
        if call is None:
            return self._refresh.drawn()
        return self._derived(call, parts)[0]

    async def told(
        self, tx: IdentityTx, session_id: SessionId, call: KeyedCall | None, *parts: bytes
    ) -> RefreshToken | None:
        """Return the token that an earlier call under this key was told, while it is the session's head."""
        if call is not None:
            for token in self._derived(call, parts):
                if await tx.is_head(token.hash, session_id):
                    return token
        return None

    def _derived(self, call: KeyedCall, parts: Sequence[bytes]) -> Sequence[RefreshToken]:
        return self._refresh.derived(call.method.encode(), call.key.encode(), *parts)

    def read(self, text: str) -> RefreshToken:
        """Return the refresh token that a client sent. Raises `RefreshTokenInvalid`."""
        return self._refresh.read(text)

    def pair(self, account: Account, session_id: SessionId, token: RefreshToken) -> SignedIn:
        """Return a refresh token together with a new access token."""
        tokens = TokenPair(
            access_token=self._access.issue(account, session_id),
            refresh_token=token.text,
            expires_in_s=self._access.life_s,
        )
        return SignedIn(account=account, session_id=session_id, tokens=tokens)


def keyed_call(method: str, key: str | None, *body: str | bytes) -> KeyedCall | None:
    """Return the call under `key` with the parts of its body that are no secret; None without a key."""
    if key is None:
        return None
    parts = [part.encode() if isinstance(part, str) else part for part in body]
    return KeyedCall(method=method, key=key, body_hash=hashlib.sha256(framed(parts)).digest())
