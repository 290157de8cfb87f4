"""`nova token`: an access token for curl."""

import asyncio
import json
import urllib.error
import urllib.request
from http import HTTPStatus

import click

from nova.app.instance import running
from nova.app.logins import PASSWORD
from nova.platform.config import Config
from nova.platform.errors import Unauthenticated

_TIMEOUT_S = 10.0


async def access_token(config: Config, handle: str, password: str | None) -> None:
    """Sign in at the running Nova and print the access token."""
    url = f"{running(config.server.data).url}/auth/login"
    body = json.dumps({"login": handle, "password": password or PASSWORD}).encode()
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})  # noqa: S310 - our own
    click.echo((await asyncio.to_thread(_sent, request))["access_token"])


def _sent(request: urllib.request.Request) -> dict[str, str]:
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as answer:  # noqa: S310 - our own instance
            tokens: dict[str, str] = json.load(answer)
            return tokens
    except urllib.error.HTTPError as error:
        detail = json.load(error).get("detail", "refused")
        mend = " Give the password with --password." if error.code == HTTPStatus.UNAUTHORIZED else ""
        raise Unauthenticated(f"{detail}{mend}") from error
