"""How kernels are tried: the same examples in every run, and no clock that a busy machine could fail."""

from hypothesis import settings

TRIALS = settings(deadline=None, derandomize=True, max_examples=150)
MACHINE_TRIALS = settings(deadline=None, derandomize=True, max_examples=100, stateful_step_count=30)
