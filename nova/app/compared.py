"""What is told of a projection after it was compared with its truth."""

from dataclasses import asdict, dataclass
from typing import Any, Self

from nova.platform.verification import Verification


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """One projection beside its truth, as the command prints it.

    `pid` is the process that has it in use; None for one that was compared at rest, in its engine.
    """

    name: str
    entries: int
    in_use: str
    from_truth: str
    equal: bool
    pid: int | None = None

    @classmethod
    def of(cls, name: str, verification: Verification, *, pid: int | None) -> Self:
        """Return what the verification of the projection `name` found."""
        return cls(
            name=name,
            entries=verification.entries,
            in_use=verification.in_use,
            from_truth=verification.from_truth,
            equal=verification.equal,
            pid=pid,
        )

    def told(self) -> dict[str, Any]:
        """Return it as values of JSON, by name."""
        return asdict(self)

    def sentence(self) -> str:
        """Return it as a line for a terminal."""
        verdict = "equal" if self.equal else f"NOT EQUAL: in use is {self.in_use}"
        where = "at rest" if self.pid is None else f"in process {self.pid}"
        return f"{self.name:<13} {self.entries:>9} entries  {self.from_truth}  {verdict}, {where}"
