"""What the clients of benchmarks do at the gateway: sign in, look who is there, and run mutations."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from nova.platform.errors import InvalidArgument

_FOLLOWERS = """query($handle: String!, $first: Int!) {
  user(handle: $handle) { followers(first: $first) { edges { node { handle } } } } }"""


class Asks(Protocol):
    """Sends documents: one connection, or some."""

    async def ask(
        self, document: str, variables: Mapping[str, object] | None = None, *, token: str = ""
    ) -> Any:  # noqa: ANN401
        """Return `data`."""
        ...


async def done(asks: Asks, verb: str, fields: str, *, token: str = "", **given: object) -> Any:  # noqa: ANN401
    """Run a mutation, and return its payload. Raises `InvalidArgument` where the gateway refuses it."""
    kind = f"{verb[0].upper()}{verb[1:]}Input"
    asked = f"userErrors {{ message }} {fields}"
    document = f"mutation($input: {kind}!) {{ {verb}(input: $input) {{ {asked} }} }}"
    payload = (await asks.ask(document, {"input": given}, token=token))[verb]
    if payload["userErrors"]:
        raise InvalidArgument(f"The benchmark was refused: {payload['userErrors']}")
    return payload


async def signed_in(asks: Asks, handle: str, password: str) -> str:
    """Sign in, and return an access token."""
    payload = await done(asks, "signIn", "tokens { accessToken }", login=handle, password=password)
    return str(payload["tokens"]["accessToken"])


async def refreshable(asks: Asks, handle: str, password: str) -> str:
    """Sign in, and return the refresh token of the session."""
    payload = await done(asks, "signIn", "tokens { refreshToken }", login=handle, password=password)
    return str(payload["tokens"]["refreshToken"])


async def followers(asks: Asks, token: str, handle: str, *, most: int) -> Sequence[str]:
    """Return the handles of those who follow somebody, newest first, `most` at most."""
    answer = await asks.ask(_FOLLOWERS, {"handle": handle, "first": most}, token=token)
    return [edge["node"]["handle"] for edge in answer["user"]["followers"]["edges"]]
