"""The Java on which Kafka and Neo4j run."""

import os
import re
import shutil
import subprocess

from tools.engines.failure import CannotHave

OLDEST = 17
MODEST = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")
"""Flags for a server with little to do beside others: the first minutes of the best compiler take all of two cores."""
YIELDS = ("nice", "-n", "10")
"""Elsewhere these servers have a machine of their own: where cores are short, whoever asks them goes first."""


def java() -> list[str]:
    """Return what starts the Java of JAVA_HOME or of the PATH. Raises CannotHave when it is missing or too old."""
    home = os.environ.get("JAVA_HOME")
    program = shutil.which(f"{home}/bin/java" if home else "java")
    if program is None:
        raise CannotHave(
            f"Java is missing: install version {OLDEST} or later (Debian: `apt install default-jre-headless`), or "
            "set JAVA_HOME to where it is."
        )
    said = subprocess.run([program, "-version"], capture_output=True, text=True, check=False).stderr
    found = re.search(r'version "(\d+)', said)
    if found is None or int(found[1]) < OLDEST:
        raise CannotHave(f"{program} is not Java {OLDEST} or later: set JAVA_HOME to one that is.")
    return [*YIELDS, program]
