"""Python's collector of cyclic garbage, as a process that serves wants it (docs.python.org/3/library/gc.html)."""

import gc
from typing import Final

YOUNG: Final = 10_000
"""Allocations, less deallocations, between two collections of the youngest generation. A page leaves some 1,000."""


def spare_what_stays() -> None:
    """Keep the collector from looking through all that the start of a process has made, again and again.

    Modules, the schema and what rooms hold in memory are some 130,000 objects that stay for good. To look through them
    stopped the loop of a busy gateway for 100 ms, once a second.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, *gc.get_threshold()[1:])
