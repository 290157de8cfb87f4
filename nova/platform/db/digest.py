"""Hashes of what tables hold, made where it lies: for comparing copies with their truth."""

from dataclasses import dataclass
from typing import ClassVar, Final

from nova.platform.db.failures import translated
from nova.platform.db.pool import ON_THE_WAY_S
from nova.platform.db.tx import Tx

# A sum does not depend on the order of the rows, so nothing is sorted; two seeds make 128 bits.
_DIGEST: Final = """
SELECT count(*) AS facts,
       coalesce(sum(hashtextextended(fact, 0)), 0) AS low, coalesce(sum(hashtextextended(fact, 1)), 0) AS high
FROM ({facts}) AS told (fact)
"""
_HALF: Final = 1 << 64
_STATEMENT_S: Final = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Digest:
    """How many facts there are, and a hash of all of them (32 hexadecimal digits)."""

    facts: int
    hash: str


class SnapshotTx(Tx):
    """Reads only, of one moment, and may take a minute."""

    BEGIN: ClassVar[str] = (
        f"BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL statement_timeout = '{_STATEMENT_S}s'"
    )

    async def digest(self, facts: str) -> Digest:
        """Return the digest of the rows of the query `facts`: one column of text, no row twice."""
        with translated():
            row = await self._connection.fetchrow(
                _DIGEST.format(facts=facts), timeout=_STATEMENT_S + ON_THE_WAY_S
            )
        if row is None:
            raise ValueError("an aggregate has one row")
        low, high = int(row["low"]) % _HALF, int(row["high"]) % _HALF
        return Digest(facts=row["facts"], hash=f"{high:016x}{low:016x}")
