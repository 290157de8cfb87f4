"""Numbers as the kernels take them: arrays of one exact type. A scalar stands for a whole batch of times."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Ints = int | Sequence[int] | NDArray[np.integer]
Flags = Sequence[bool] | NDArray[np.bool_]
Floats = Sequence[float] | NDArray[np.floating]


def longs(values: Ints) -> int | NDArray[np.int64]:
    """Return int64 numbers; one int stays one int and counts for every row."""
    return values if isinstance(values, int) else np.ascontiguousarray(values, np.int64)
