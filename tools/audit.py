"""Runs the GraphQL-over-HTTP audit of npm's graphql-http against a Nova of its own."""

import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

NODE = Path(__file__).parent / "node"


def main() -> int:
    """Start a Nova without a world, audit it, end it; return the audit's exit code."""
    with tempfile.TemporaryDirectory(prefix="nova-audit-") as data:
        command = [
            sys.executable,
            "-m",
            "nova.app",
            "up",
            "--port",
            "0",
            "--world",
            "none",
            "--json",
            "--data",
            data,
        ]
        environment = {**os.environ, "NOVA_LIMITS": "off"}
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as nova:
            assert nova.stdout is not None
            started = json.loads(nova.stdout.readline() or "null")
            if started is None:
                return 1
            try:
                return subprocess.run(
                    ["node", "audit.mjs", started["graphql"]], cwd=NODE, check=False
                ).returncode
            finally:
                nova.send_signal(signal.SIGINT)


if __name__ == "__main__":
    sys.exit(main())
