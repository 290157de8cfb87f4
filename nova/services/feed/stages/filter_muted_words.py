"""Removes posts of others with a word in them that the viewer mutes."""

from collections.abc import Sequence

from nova.services.feed.model import Candidate, UserId
from nova.services.feed.stages.stage import LOST, MutedWords, Posts, Sifted, without


class FilterMutedWords:
    """Asks for the viewer's words, and content which posts hold them: nobody for a viewer without words.

    What cannot be asked lets all pass: what is muted is unwanted, not hidden.
    """

    def __init__(self, *, words: MutedWords, posts: Posts) -> None:
        self._words = words
        self._posts = posts

    async def sift(self, viewer_id: UserId, candidates: Sequence[Candidate]) -> Sifted:
        """Return the viewer's own posts, and those without his words."""
        others = [one.post_id for one in candidates if one.author_id != viewer_id.bytes]
        try:
            words = await self._words.of(viewer_id)
            muted = await self._posts.with_words(others, words) if words and others else ()
        except LOST:
            return Sifted(kept=candidates, degraded=["muted_words"])
        return without(candidates, dict.fromkeys(muted, "muted_word"))
