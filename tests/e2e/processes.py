"""With what the processes of a test start."""

import os


def environment() -> dict[str, str]:
    """Return this process's environment without what configures Nova: a test says that itself."""
    return {name: value for name, value in os.environ.items() if not name.startswith("NOVA_")}
