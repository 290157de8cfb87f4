"""The pages that mailed links lead to: the same for everybody, and nothing from elsewhere runs in them."""

import base64
import hashlib
import html
import re

import httpx
import pytest
from graphql import parse, validate

from nova.gateway.schema.root import build_schema
from tests.e2e.gateway.door import Door

PAGES = ("/verify-email", "/reset-password")


async def page(door: Door, path: str, **headers: str) -> httpx.Response:
    async with httpx.AsyncClient(base_url=door.url) as client:
        return await client.get(path, headers=headers)


@pytest.mark.parametrize("path", PAGES)
async def test_only_what_the_policy_names_runs(door: Door, path: str) -> None:
    answer = await page(door, path)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["referrer-policy"] == "no-referrer"
    policy = answer.headers["content-security-policy"]
    for tag, directive in (("script", "script-src"), ("style", "style-src")):
        (text,) = re.findall(rf"<{tag}>(.*?)</{tag}>", answer.text, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{directive} 'sha256-{digest}'" in policy
    assert "unsafe" not in policy


@pytest.mark.parametrize("path", PAGES)
async def test_the_document_of_a_page_is_valid_and_takes_the_token(door: Door, path: str) -> None:
    answer = await page(door, path)
    (document,) = re.findall(r'data-document="(.*?)"', answer.text)
    assert validate(build_schema(), parse(html.unescape(document))) == []


@pytest.mark.parametrize("path", PAGES)
async def test_l5_a_page_does_not_depend_on_who_asks_and_how(door: Door, path: str) -> None:
    plain = await page(door, path)
    other = await page(door, f"{path}?token=x", Host="localhost", Cookie="a=b")
    assert plain.content == other.content
    foreign = await page(door, path, Host="evil.example")
    assert foreign.status_code == 421
