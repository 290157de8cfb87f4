"""The tour of the README, typed as it stands there."""

import asyncio
import json
import os
import re
import sys
import tempfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TOUR = re.compile(r"<!-- tour -->\n```sh\n(.*?)```", re.DOTALL)

pytestmark = pytest.mark.timeout(240)


async def test_the_tour_shows_what_the_readme_says() -> None:
    found = TOUR.search((ROOT / "README.md").read_text())
    assert found is not None
    with tempfile.TemporaryDirectory(prefix="nova-tour-") as folder:
        environment = {**os.environ, "NOVA_DATA": f"{folder}/data"}
        nova = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "nova.app", "up", "--port", "0", "--still", "--json",
            env=environment, stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        assert nova.stdout is not None
        try:
            started = json.loads(await nova.stdout.readline())
            told = await typed(found[1], started["graphql"].removesuffix("/graphql"), environment)
        finally:
            nova.send_signal(2)
            assert await nova.wait() == 0
    viewer, feed, follow, like, top = (json.loads(line)["data"] for line in told.splitlines())
    assert viewer["viewer"]["user"]["handle"] == "ada"
    assert viewer["viewer"]["user"]["followerCount"] > 0
    assert [bool(edge["why"]["contributions"]) for edge in feed["homeFeed"]["edges"]] == [True, True]
    assert follow["followUser"] == {"state": "FOLLOWING", "userErrors": []}
    assert like["likePost"]["post"] == {"likeCount": 1, "viewerHasLiked": True}
    assert top["homeFeed"]["edges"][0]["node"] == {
        "caption": "Hello from the tour 👋",
        "author": {"handle": "ada"},
    }


async def typed(tour: str, url: str, environment: dict[str, str]) -> str:
    """Type the lines into a shell in the project's folder; return what they print."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    shell = await asyncio.create_subprocess_exec(
        "bash", "-euo", "pipefail", "-c", tour.replace("http://localhost:8080", url),
        cwd=ROOT, env={**environment, "PATH": path}, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    told, _ = await shell.communicate()
    assert shell.returncode == 0
    return told.decode()
