"""Words that the viewer mutes: shown to him alone, and undone by him."""

from datetime import UTC, datetime

import strawberry

from nova.api.user.v1 import user_pb2
from nova.gateway.context import Info
from nova.gateway.schema.calls import changing
from nova.gateway.schema.mutations import MutationInput, Payload, mutation, timestamp_of
from nova.policy import rules


@strawberry.type(
    description="A word, phrase or hashtag that keeps posts of others out of the viewer's feeds."
)
class MutedWord:
    """A word that the viewer mutes."""

    word: str = strawberry.field(description="Normalised: in lower case, and a hashtag without its #.")
    created_at: datetime
    until: datetime | None = strawberry.field(description="Null: for good.")

    @classmethod
    def of(cls, muted: user_pb2.MutedWord) -> "MutedWord":
        """Return the word that the user room told."""
        return cls(
            word=muted.word,
            created_at=muted.created_at.ToDatetime(tzinfo=UTC),
            until=muted.until.ToDatetime(tzinfo=UTC) if muted.HasField("until") else None,
        )


@strawberry.input
class MuteWordInput(MutationInput):
    """Which word, and until when; for good without it."""

    word: str = strawberry.field(
        description="A word, a phrase or a hashtag: 1 to 100 characters once it is normalised."
    )
    until: datetime | None = strawberry.UNSET


@strawberry.type
class MuteWordPayload(Payload):
    """The word as it is kept."""

    muted_word: MutedWord | None = None


@strawberry.input
class UnmuteWordInput(MutationInput):
    """Which word, in any spelling that is normalised to the same."""

    word: str


@strawberry.type
class UnmuteWordPayload(Payload):
    """The word that is muted no longer, normalised."""

    word: str | None = None


@strawberry.type
class MutedWordMutations:
    """Muted words."""

    @mutation(
        "Keeps posts of others with this word out of the viewer's feeds; 200 words at most.",
        changing("user.MuteWord"),
    )
    async def mute_word(self, info: Info, input: MuteWordInput) -> MuteWordPayload:  # noqa: A002 - the contract's name
        """Mute a word."""
        context = info.context
        request = user_pb2.MuteWordRequest(word=rules.muted_word(input.word))
        if input.until:
            request.until.CopyFrom(timestamp_of(input.until))
        answer = await context.change(context.rooms.user.MuteWord, request, key=input.idempotency_key)
        return MuteWordPayload(muted_word=MutedWord.of(answer.muted_word))

    @mutation("Lets posts with this word into the viewer's feeds again.", changing("user.UnmuteWord"))
    async def unmute_word(self, info: Info, input: UnmuteWordInput) -> UnmuteWordPayload:  # noqa: A002 - as above
        """Unmute a word."""
        context = info.context
        request = user_pb2.UnmuteWordRequest(word=rules.muted_word(input.word))
        answer = await context.change(context.rooms.user.UnmuteWord, request, key=input.idempotency_key)
        return UnmuteWordPayload(word=answer.word)
