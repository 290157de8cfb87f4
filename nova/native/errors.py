"""What a kernel may raise, and why a build is refused."""

from nova._native import BadInput, KernelPanic, NotLinear, SnapshotMismatch

__all__ = ["BadInput", "DebugNativeBuild", "KernelPanic", "NotLinear", "SnapshotMismatch", "StaleNativeBuild"]


class StaleNativeBuild(RuntimeError):
    """The native core was built from other sources than those beside it."""


class DebugNativeBuild(RuntimeError):
    """The native core was built without optimisation."""
