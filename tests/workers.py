"""How tests are shared among the workers of `make test`: what shares a platform stays on one of them."""

from xdist.scheduler import LoadScopeScheduling

SHAPES = ("one-process", "process-per-room", "real-engines")
DOOR = "tests/e2e/gateway/"


class OnePlatformAWorker(LoadScopeScheduling):
    """Gives out the tests of a shape of the platform together, those of the gateway's door too, else file by file.

    They go in the order of the folders (`--no-loadscope-reorder`): chaos and end-to-end tests take longest, and come
    before the many short ones of `unit`, with which both workers end at about the same time.
    """

    def _split_scope(self, nodeid: str) -> str:
        shape = next((shape for shape in SHAPES if f"[{shape}" in nodeid), None)
        return shape or (DOOR if nodeid.startswith(DOOR) else nodeid.partition("::")[0])
