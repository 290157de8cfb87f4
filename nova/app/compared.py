"""What is told of a projection after it was compared with its truth."""

from dataclasses import dataclass
from typing import Self

from nova.platform.verification import Verification


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """One projection beside its truth, as the command prints it."""

    name: str
    entries: int
    in_use: str
    from_truth: str
    equal: bool

    @classmethod
    def of(cls, name: str, verification: Verification) -> Self:
        """Return what the verification of the projection `name` found."""
        return cls(
            name=name,
            entries=verification.entries,
            in_use=verification.in_use,
            from_truth=verification.from_truth,
            equal=verification.equal,
        )
