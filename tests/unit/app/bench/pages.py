"""Pages as a reader gets them, and the reader: made by hand."""

from typing import Any, cast

from nova.app.bench.chaos_load import Reader
from nova.app.bench.town import Person


def reader(**more: Any) -> Reader:
    """Return a reader who has asked nothing yet."""
    return Reader(cast("Any", None), Person(id="u", token="t"), **more)


def post(post_id: str = "p", likes: int = 1, comments: int = 1) -> dict[str, Any]:
    """Return an edge of a feed."""
    return {"node": {"id": post_id, "likeCount": likes, "commentCount": comments, "author": {"handle": "a"}}}


def page(posts: int, **more: object) -> dict[str, Any]:
    """Return an answer with so many posts."""
    data = {"homeFeed": {"edges": [post()] * posts}, "viewer": {"user": {"handle": "ada"}}}
    return {"data": data, "extensions": {}, **more}


def error(code: str) -> dict[str, object]:
    """Return an error as the gateway gives it."""
    return {"message": "no", "extensions": {"code": code}}
