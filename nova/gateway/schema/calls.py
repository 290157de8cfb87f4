"""The calls to the rooms that fields say they make: by name, so that a plan reads like the protos."""

from collections.abc import Callable, Sequence
from typing import Final

from nova.gateway.facts import Asked, Rpc, Stage, Stages
from nova.gateway.readers import HANDLES_MOST

POSTS: Final = Rpc("content.GetPosts")
STORIES: Final = Rpc("content.GetStories")
STORIES_OF: Final = Rpc("content.ListStories")
POST_COUNTS: Final = Rpc("content.CountPosts")
COMMENTS: Final = Rpc("social.GetComments")
STATES: Final = Rpc("social.GetPostStates")
FOLLOW_COUNTS: Final = Rpc("graph.GetFollowCounts")
HANDLES: Final = Rpc("user.LookupHandles", batch=HANDLES_MOST)


def single(method: str) -> Rpc:
    """Return a call that each parent makes for itself."""
    return Rpc(method, batch=None)


def people(keys: int = 1) -> Stage:
    """Return what showing people takes: their cards, and the viewer's relation to each."""
    return Rpc("user.GetProfiles", keys), Rpc("graph.GetRelations", keys)


def authored(asked: Asked, *path: str, keys: int = 1) -> Sequence[Stage]:
    """Return the stage of authors, where the document asks for the `author` of what lies at `path`."""
    return [people(keys)] if asked.selects(*path, "author") else []


STATE_FIELDS: Final = ("likeCount", "commentCount", "shareCount", "viewerHasLiked", "viewerHasShared")


def asks_states(selects: Callable[..., bool], *path: str) -> bool:
    """Return whether the document asks for a count or a flag of the post at `path`."""
    return any(selects(*path, name) for name in STATE_FIELDS)


def presented(asked: Asked, *path: str, keys: int = 1) -> Sequence[Stage]:
    """Return the stage that completes posts: their authors and their states, where they are asked for."""
    authors = authored(asked, *path, keys=keys)
    states = (Rpc(STATES.method, keys),) if asks_states(asked.selects, *path) else ()
    stage = (*(authors[0] if authors else ()), *states)
    return [stage] if stage else []


def listed(method: str) -> Stages:
    """Return the stages of a connection of people: the list, then who is in it."""
    return lambda asked: [(single(method),), people(asked.size)]


def changing(method: str) -> Stages:
    """Return the stages of a mutation that returns nothing to look up."""
    return lambda _asked: [(single(method),)]


def returning_user(method: str) -> Stages:
    """Return the stages of a mutation whose payload holds a `user`."""
    return lambda asked: [(single(method),), *([people()] if asked.selects("user") else [])]


def returning_post(method: str) -> Stages:
    """Return the stages of a mutation whose payload holds a `post` that must be looked up."""
    return lambda asked: [
        (single(method),),
        *([(POSTS,), *presented(asked, "post")] if asked.selects("post") else []),
    ]


def returning_own_post(method: str) -> Stages:
    """Return the stages of a mutation that itself returns the `post` of its payload."""
    return lambda asked: [(single(method),), *presented(asked, "post")]


def returning_authored(method: str, name: str) -> Stages:
    """Return the stages of a mutation that itself returns what its payload holds as `name`."""
    return lambda asked: [(single(method),), *authored(asked, name)]
