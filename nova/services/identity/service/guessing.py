"""Trying a password: counted before it is hashed, so that no parallelism buys a guess."""

import hashlib

from nova.services.identity.model import Credentials, Guess, InvalidCredentials, Proven, TooManyGuesses
from nova.services.identity.passwords import Passwords
from nova.services.identity.store.reading import IdentityStore


class Guessing:
    """Holds passwords against accounts: ten wrong ones an hour for each, from wherever they come."""

    def __init__(self, *, store: IdentityStore, passwords: Passwords) -> None:
        self._store = store
        self._passwords = passwords

    async def prove(self, login: str, credentials: Credentials | None, password: str) -> Proven:
        """Return the credentials as proven, with the guess that was right.

        A login that nobody has is counted and hashed like any other, so that the answer, its time and its
        limit do not tell. Raises `TooManyGuesses` or `InvalidCredentials`.
        """
        self._passwords.require_place()
        guess = await self._take(_subject(login, credentials))
        known_hash = None if credentials is None else credentials.password_hash
        if not await self._passwords.verify(known_hash, password) or credentials is None:
            raise InvalidCredentials
        return Proven(credentials=credentials, guess=guess)

    async def _take(self, subject: bytes) -> Guess:
        async with self._store.transaction() as tx:
            guess = await tx.take_guess(subject)
            if guess is None:
                raise TooManyGuesses(retry_after_s=await tx.guess_wait_s(subject))
        return guess


def _subject(login: str, credentials: Credentials | None) -> bytes:
    """Return what guesses are counted by: the account, whatever its alias, or the login that is nobody's."""
    if credentials is not None:
        return b"account:" + credentials.account.user_id.bytes
    return b"login:" + hashlib.sha256(login.encode()).digest()
