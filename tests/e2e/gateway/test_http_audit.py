"""The official audit of GraphQL over HTTP (npm graphql-http): no MUST and no SHOULD unmet."""

import asyncio
import json
import shutil
from pathlib import Path

import pytest

from tests.e2e.gateway.door import Door

NODE = Path(__file__).parents[3] / "tools/node"


@pytest.mark.skipif(
    not (shutil.which("node") and (NODE / "node_modules/graphql-http").exists()),
    reason="the audit needs Node.js: npm ci --prefix tools/node",
)
async def test_the_audit_finds_nothing_unmet(door: Door) -> None:
    audit = await asyncio.create_subprocess_exec(
        "node", str(NODE / "audit.mjs"), f"{door.url}/graphql", stdout=asyncio.subprocess.PIPE
    )
    printed, _ = await audit.communicate()
    report = json.loads(printed)
    assert report["failed"] == []
    assert report["audits"] >= 60
    assert audit.returncode == 0
