"""People who just signed up, and what each of them does when it is his turn; each kind of deed emits one topic."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from nova.app.bench.client import Clients
from nova.app.bench.visitors import Asks, done

_PASSWORD: Final = "correct horse battery"  # noqa: S105 - of people who live for a minute

Deed = Callable[[int], Awaitable[object]]
"""What is done at a turn, by its number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody who is signed in."""

    id: str
    token: str


ARRIVED: Final = "tokens { accessToken } viewer { user { id } }"
"""What is asked of a sign-up."""


def account(handle: str) -> dict[str, str]:
    """Return the input of a sign-up."""
    return {
        "handle": handle,
        "email": f"{handle}@example.org",
        "password": _PASSWORD,
        "displayName": handle.title(),
    }


def login(handle: str) -> dict[str, str]:
    """Return the input of a sign-in of somebody who has signed up."""
    return {"login": handle, "password": _PASSWORD}


def person_of(payload: Mapping[str, Any]) -> Person:
    """Return who has signed up."""
    return Person(id=payload["viewer"]["user"]["id"], token=payload["tokens"]["accessToken"])


async def newcomer(asks: Asks, handle: str) -> Person:
    """Sign somebody up."""
    return person_of(await done(asks, "signUp", ARRIVED, **account(handle)))


class Town:
    """The people, and what they made. `authors` are the tokens of those who post."""

    def __init__(self, asks: Clients, authors: Sequence[str]) -> None:
        self._asks = asks
        self._authors = authors
        self._people: list[Person] = []
        self._post_ids: dict[int, str] = {}
        self._comment_ids: dict[int, str] = {}

    async def sign_up(self, turn: int) -> None:
        """Have one more."""
        self._people.append(await newcomer(self._asks, f"newcomer_{turn}"))

    async def hide(self, turn: int) -> None:
        """Change the profile, and close the account to all who do not follow it."""
        await self._done("updateProfile", turn, bio=f"Says {turn}", isPrivate=True)

    def to_other(self, verb: str) -> Deed:
        """Return what is done to somebody else: each pair has its turn once, and one way, before any has another."""

        async def deed(turn: int) -> None:
            many = len(self._people)
            # Half-way round at most: whom somebody has blocked cannot block him.
            other = self._people[(turn + 1 + turn // many % ((many - 1) // 2)) % many]
            await self._done(verb, turn, userId=other.id)

        return deed

    async def post(self, turn: int) -> None:
        """Publish a post."""
        post = {"caption": f"Post {turn}", "contentType": "TEXT", "tags": ["bench"]}
        made = await done(self._asks, "createPost", "post { id }", token=self._author(turn), **post)
        self._post_ids[turn] = made["post"]["id"]

    async def edit_post(self, turn: int) -> None:
        """Change what was posted at the same turn."""
        change = {"postId": self._post_ids[turn], "caption": f"Post {turn}, again"}
        await done(self._asks, "editPost", "", token=self._author(turn), **change)

    async def delete_post(self, turn: int) -> None:
        """Delete what was posted at the same turn."""
        await done(self._asks, "deletePost", "", token=self._author(turn), postId=self._post_ids[turn])

    def to_post(self, verb: str) -> Deed:
        """Return what is done to the post of the same turn."""

        async def deed(turn: int) -> None:
            await self._done(verb, turn, postId=self._post_ids[turn])

        return deed

    async def comment(self, turn: int) -> None:
        """Comment on the post of the same turn."""
        about = {"postId": self._post_ids[turn], "text": f"Comment {turn}"}
        made = await self._done("addComment", turn, "comment { id }", **about)
        self._comment_ids[turn] = made["comment"]["id"]

    async def delete_comment(self, turn: int) -> None:
        """Delete the comment of the same turn."""
        await self._done("deleteComment", turn, commentId=self._comment_ids[turn])

    def _author(self, turn: int) -> str:
        return self._authors[turn % len(self._authors)]

    async def _done(self, verb: str, turn: int, fields: str = "", /, **given: object) -> Any:  # noqa: ANN401
        token = self._people[turn % len(self._people)].token
        return await done(self._asks, verb, fields, token=token, **given)
