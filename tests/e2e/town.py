"""A small town in which everybody has something to hide from somebody.

Every text says whose it is and for whom (`bo-everyone-…`), so that one that is seen where it must not be tells by
itself what went wrong.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from tests.e2e.nova import Nova, Person

FOLLOWS = (
    ("vic", "bo"), ("bo", "vic"), ("vic", "tia"), ("tia", "vic"), ("tia", "bo"), ("bo", "tia"),
    ("fay", "bo"), ("fay", "tia"), ("sam", "tia"), ("mia", "bo"), ("pat", "tia"), ("per", "tia"), ("per", "bo"),
    ("bo", "yan"), ("tia", "zoe"), ("bo", "zoe"), ("per", "zoe"), ("yan", "zoe"),
    ("per", "kim"),
)  # fmt: skip
"""`yan` can be walked to through `bo` alone, `kim` through `per`, who is private; `zoe` through others too."""

NAMES = ("bo", "vic", "tia", "per", "fay", "pat", "sam", "mia", "yan", "zoe", "kim")


@dataclass
class Town:
    """The people by name, and what they made by label. A thing keeps its global id and its texts."""

    nova: Nova
    people: dict[str, Person] = field(default_factory=dict)
    ids: dict[str, str] = field(default_factory=dict)
    texts: dict[str, list[str]] = field(default_factory=dict)

    def marks(self, *labels: str) -> frozenset[str]:
        """Return what betrays the things with these labels: ids and texts."""
        return frozenset(mark for label in labels for mark in ([self.ids[label], *self.texts.get(label, [])]))

    def kinds(self) -> dict[str, str]:
        """Return the name of the type of each thing by its id."""
        named = {"card": "User", "post": "Post", "comment": "Comment", "story": "Story"}
        return {
            thing_id: named.get(label.split(":")[1], "Media")
            for label, thing_id in self.ids.items()
            if not label.endswith(":edits")
        }

    async def arrive(self, name: str) -> None:
        person = self.people[name] = await self.nova.newcomer(name)
        texts = [f"{name}-display-name", f"{name}-bio", f"https://img.example/{name}-avatar.png"]
        await self.nova.do(
            "updateProfile", "user { id }", person,
            displayName=texts[0], bio=texts[1], avatarUrl=texts[2],
        )  # fmt: skip
        self._note(f"{name}:card", person.id, [person.handle, *texts])

    async def follow(self, follower: str, followed: str) -> None:
        await self.nova.do("followUser", "state", self.people[follower], userId=self.people[followed].id)

    async def post(self, author: str, what: str, chosen: Iterable[str] = ()) -> None:
        """Publish a post of an audience; its label is `author:post:what`."""
        audience = what.partition("_")[0].upper()
        texts = [
            f"{author}-{what}-caption",
            f"https://img.example/{author}-{what}.jpg",
            f"{author}_{what}_tag",
        ]
        post = await self._made(
            "createPost", "post { id media { id } }", author, chosen,
            audience=audience, caption=texts[0], mediaUrls=[texts[1]], tags=[texts[2]],
        )  # fmt: skip
        label = f"{author}:post:{what}"
        self._note(label, post["post"]["id"], texts)
        self._note(f"{author}:media:{what}", post["post"]["media"][0]["id"], texts[1:2])

    async def story(self, author: str, what: str, chosen: Iterable[str] = ()) -> None:
        """Publish a story of an audience; its label is `author:story:what`."""
        texts = [f"{author}-{what}-story", f"https://img.example/{author}-{what}-story.jpg"]
        story = await self._made(
            "createStory", "story { id media { id } }", author, chosen,
            audience=what.upper(), caption=texts[0], mediaUrl=texts[1],
        )  # fmt: skip
        self._note(f"{author}:story:{what}", story["story"]["id"], texts)
        self._note(f"{author}:storymedia:{what}", story["story"]["media"]["id"], texts[1:])

    async def comment(self, author: str, post: str, label: str, under: str | None = None) -> None:
        """Comment on the post of a label, or reply; the new label is `author:comment:label`."""
        text = f"{author}-comment-{label}"
        made = await self.nova.do(
            "addComment", "comment { id }", self.people[author],
            postId=self.ids[post], text=text, parentId=self.ids[under] if under else None,
        )  # fmt: skip
        self._note(f"{author}:comment:{label}", made["comment"]["id"], [text])

    async def react(self, verb: str, label: str, *names: str) -> None:
        """Have people like or share the post, or like the comment, of a label."""
        argument = "commentId" if verb == "likeComment" else "postId"
        for name in names:
            await self.nova.do(verb, "userErrors { code }", self.people[name], **{argument: self.ids[label]})

    async def edit(self, label: str) -> None:
        """Edit a post: what it was becomes a text that only its author may see."""
        author = label.partition(":")[0]
        was, now = self.texts[label][0], f"{label.replace(':', '-')}-edited"
        await self.nova.do(
            "editPost", "post { id }", self.people[author], postId=self.ids[label], caption=now
        )
        self.texts[label][0] = now
        self.texts[f"{label}:edits"], self.ids[f"{label}:edits"] = [was], was

    async def delete(self, label: str) -> None:
        author = label.partition(":")[0]
        await self.nova.do("deletePost", "deletedPostId", self.people[author], postId=self.ids[label])

    async def _made(self, verb: str, fields: str, author: str, chosen: Iterable[str], **given: Any) -> Any:
        ids = [self.people[name].id for name in chosen]
        return await self.nova.do(verb, fields, self.people[author], audienceUserIds=ids, **given)

    def _note(self, label: str, thing_id: str, texts: list[str]) -> None:
        self.ids[label], self.texts[label] = thing_id, texts


async def built(nova: Nova) -> Town:
    """Build the town, before anybody blocks anybody."""
    town = Town(nova)
    for name in NAMES:
        await town.arrive(name)
    for follower, followed in FOLLOWS:
        await town.follow(follower, followed)
    await _private_life(town)
    await _publications(town)
    await _conversations(town)
    return town


async def _private_life(town: Town) -> None:
    """`per` is private: `fay` follows him, `pat` has asked to, `sam` has not. `vic` mutes a word that nobody writes."""
    await town.nova.do("updateProfile", "user { isPrivate }", town.people["per"], isPrivate=True)
    for name in ("fay", "pat"):
        state = "query($id: ID!) { node(id: $id) { ... on User { isPrivate } } }"
        person = town.people[name]
        await town.nova.eventually(person, state, {"node": {"isPrivate": True}}, id=town.people["per"].id)
        await town.follow(name, "per")
    await town.nova.do("acceptFollow", "user { id }", town.people["per"], userId=town.people["fay"].id)
    await town.nova.do("muteWord", "mutedWord { word }", town.people["vic"], word="never written")


async def _publications(town: Town) -> None:
    await town.post("bo", "everyone")
    await town.post("bo", "everyone_edited")
    await town.edit("bo:post:everyone_edited")
    await town.post("bo", "everyone_deleted")
    await town.post("bo", "followers")
    await town.post("bo", "chosen", ["tia", "vic"])
    for what, chosen in (("everyone", []), ("followers", []), ("chosen", ["tia", "vic"])):
        await town.story("bo", what, chosen)
    await town.post("vic", "everyone")
    await town.story("vic", "everyone")
    await town.post("tia", "everyone")
    await town.post("tia", "everyone_other")
    await town.post("per", "everyone")
    await town.story("per", "everyone")
    await town.post("zoe", "everyone")


async def _conversations(town: Town) -> None:
    """Both `bo` and `vic` talk and react everywhere, above and below each other."""
    square = "tia:post:everyone"
    await town.comment("tia", square, "first")
    await town.comment("vic", square, "open")
    await town.comment("bo", square, "open")
    await town.comment("bo", square, "under_vic", under="vic:comment:open")
    await town.comment("vic", square, "under_bo", under="bo:comment:open")
    await town.comment("tia", square, "under_bo", under="bo:comment:open")
    await town.comment("tia", square, "under_bo_deep", under="tia:comment:under_bo")
    for number in range(3):
        await town.comment("fay", square, f"chat_{number}", under="tia:comment:first")
    for post in ("bo:post:everyone", "bo:post:followers", "bo:post:chosen"):
        label = post.rpartition(":")[2]
        await town.comment("tia", post, f"at_bo_{label}")
        await town.comment("vic", post, f"at_bo_{label}")
        await town.react("likePost", post, "vic", "tia")
    await town.comment("tia", "bo:post:everyone_deleted", "at_deleted")
    await town.comment("bo", "vic:post:everyone", "at_vic")
    await town.comment("tia", "vic:post:everyone", "under_bo_at_vic", under="bo:comment:at_vic")
    await town.comment("fay", "per:post:everyone", "at_per")
    await town.comment("per", square, "outside")
    await town.react("likePost", square, "bo", "vic", "tia", "fay", "sam", "per")
    await town.react("likePost", "vic:post:everyone", "bo", "tia")
    await town.react("likePost", "per:post:everyone", "fay")
    await town.react("likeComment", "tia:comment:first", "bo", "vic", "tia")
    await town.react("sharePost", square, "bo", "vic", "sam")
    await town.react("sharePost", "vic:post:everyone", "bo")
    await town.react("sharePost", "bo:post:everyone", "vic", "tia")
