"""What is there at the start is not looked through again; what comes later is collected as ever."""

import subprocess
import sys

SCRIPT = """
import gc, weakref
from nova.app.garbage import YOUNG, spare_what_stays

class Node:
    pass

def cycle():
    one, other = Node(), Node()
    one.other, other.one = other, one
    return weakref.ref(one)

before = cycle()
spare_what_stays()
assert before() is None, "what was garbage by then is not kept"
assert gc.get_threshold()[0] == YOUNG
assert gc.get_freeze_count() > len(gc.get_objects()), "nearly all is spared"
after = cycle()
assert after() is not None
gc.collect()
assert after() is None
print("spared", gc.get_freeze_count())
"""


def test_what_stays_is_spared_and_garbage_is_not() -> None:
    # In a process of its own: what is frozen here would stay so for every other test.
    told = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stderr
    assert told.stdout.startswith("spared")
