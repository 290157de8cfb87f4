"""Persisted documents: registered by their users (Apollo's APQ), or trusted, from a manifest.

What users register is kept for each of them apart, newest hundred first out last in, so that a flood of new hashes
pushes out the flooder's own and nobody else's. Redis shares them between gateways; without it each gateway knows
what it was told itself.
"""

import json
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from nova.gateway.documents import hash_of
from nova.platform.errors import InvalidArgument, Unavailable
from nova.platform.redis.client import Redis, Script

MOST_A_USER: Final = 100
_KEPT_S: Final = 7 * 86_400
_MOST_LOCAL: Final = 2_000
_MOST_LOCAL_BYTES: Final = 8 << 20

# KEYS: documents by hash, their order. ARGV: hash, document, most, life in seconds.
_KEEP: Final = Script(
    """
    if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 0 then
        redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
        redis.call('RPUSH', KEYS[2], ARGV[1])
        while redis.call('LLEN', KEYS[2]) > tonumber(ARGV[3]) do
            redis.call('HDEL', KEYS[1], redis.call('LPOP', KEYS[2]))
        end
    end
    redis.call('EXPIRE', KEYS[1], ARGV[4])
    redis.call('EXPIRE', KEYS[2], ARGV[4])
    return redis.status_reply('OK')
    """
)


class HashMismatch(InvalidArgument):
    """The hash is not that of the document: SHA-256 of its UTF-8, in lower-case hexadecimal."""


@dataclass(frozen=True, slots=True)
class Owner:
    """Who registers: a user by his id, or, signed in nowhere, an address. The latter stays in the process."""

    name: str
    signed_in: bool


class RegisteredDocuments:
    """The documents that users registered."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._local: OrderedDict[tuple[Owner, str], str] = OrderedDict()
        self._local_bytes = 0

    async def find(self, owner: Owner, sha256: str) -> str | None:
        """Return the document that this owner registered under the hash."""
        known = self._local.get((owner, sha256))
        if known is not None:
            self._local.move_to_end((owner, sha256))
            return known
        if not owner.signed_in:
            return None
        try:
            stored = await self._redis.execute("HGET", _keys(owner)[0], sha256)
        except Unavailable:
            return None
        if not isinstance(stored, bytes):
            return None
        text = stored.decode()
        self._remember(owner, sha256, text)
        return text

    async def keep(self, owner: Owner, sha256: str, text: str) -> None:
        """Keep a document that has passed the checks."""
        if (owner, sha256) in self._local:
            return
        self._remember(owner, sha256, text)
        if not owner.signed_in:
            return
        try:
            await self._redis.run(_KEEP, keys=_keys(owner), args=[sha256, text, MOST_A_USER, _KEPT_S])
        except Unavailable:
            # The next gateway will be sent the document again.
            return

    def _remember(self, owner: Owner, sha256: str, text: str) -> None:
        self._local[owner, sha256] = text
        self._local_bytes += len(text)
        while len(self._local) > _MOST_LOCAL or self._local_bytes > _MOST_LOCAL_BYTES:
            self._local_bytes -= len(self._local.popitem(last=False)[1])


class BadManifest(ValueError):
    """The manifest of trusted documents cannot be used."""


class TrustedDocuments:
    """The documents of a manifest, by id and by hash: a JSON object of id and document."""

    def __init__(self, documents: dict[str, str]) -> None:
        self._by_id = dict(documents)
        for text in documents.values():
            self._by_id.setdefault(hash_of(text), text)
            self._by_id.setdefault(f"sha256:{hash_of(text)}", text)

    @classmethod
    def read(cls, path: Path) -> "TrustedDocuments":
        """Read a manifest; raises `BadManifest`."""
        try:
            value = json.loads(path.read_text())
        except (OSError, ValueError) as error:
            raise BadManifest(f"{path}: {error}") from error
        if not isinstance(value, dict) or not all(isinstance(text, str) for text in value.values()):
            raise BadManifest(f"{path}: it must be one JSON object of id and document.")
        return cls(value)

    def find(self, document_id: str) -> str | None:
        """Return the document of an id, or of a hash."""
        return self._by_id.get(document_id)


def _keys(owner: Owner) -> list[str]:
    """Return the keys of an owner in Redis; the braces keep them in one slot of a cluster."""
    return [f"gateway:documents:{{{owner.name}}}", f"gateway:documents:{{{owner.name}}}:order"]
