"""What every mutation has: an input with an idempotency key, a payload that tells what the caller can mend."""

import functools
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final, TypeVar, get_type_hints

import strawberry
from google.protobuf.timestamp_pb2 import Timestamp
from strawberry.utils.str_converters import to_camel_case

from nova.gateway.context import Info
from nova.gateway.errors import mendable
from nova.gateway.facts import METADATA_KEY, FieldFacts, Stages
from nova.platform.errors import Code, InvalidArgument, NovaError
from nova.platform.rpc.call import IDEMPOTENCY_KEY_FORM
from nova.platform.rpc.validate import to_timestamp

P = TypeVar("P", bound="Payload")
I = TypeVar("I", bound="MutationInput")  # noqa: E741 - the input

Resolver = Callable[[Any, Info, I], Awaitable[P]]

# Where the contract and the protos name one thing differently.
_NAMES: Final[Mapping[str, str]] = {
    "current_password": "current",
    "next_password": "next",
    "media": "mediaUrls",
}


@strawberry.input
class MutationInput:
    """What every input has."""

    idempotency_key: str | None = strawberry.field(
        default=strawberry.UNSET,
        description="The same key and input give the first answer again: for repeats after a lost answer.",
    )


@strawberry.type(description="What the caller can mend.")
class UserError:
    """What the caller can mend."""

    code: str = strawberry.field(description="The reason, in capitals.")
    field: list[str] | None = strawberry.field(description="The path of the input field at fault.")
    message: str


@strawberry.type
class Payload:
    """What every payload has."""

    user_errors: list[UserError] = strawberry.field(
        default_factory=list, description="Empty when it was done."
    )


def mutation(description: str, stages: Stages, *, public: bool = False) -> Callable[[Resolver[I, P]], Any]:
    """Make a resolver a mutation: mendable errors go into its payload, whatever else into `errors`."""

    def decorated(resolver: Resolver[I, P]) -> Any:  # noqa: ANN401 - a field, as strawberry makes it
        @functools.wraps(resolver)
        async def told(self: object, info: Info, input: I) -> P:  # noqa: A002 - the contract's name
            try:
                input.idempotency_key = _key(input.idempotency_key)
                info.context.readers.forget()
                return await resolver(self, info, input)
            except NovaError as error:
                if not mendable(error):
                    raise
                payload: type[P] = get_type_hints(resolver)["return"]
                return payload(user_errors=[_user_error(error)])

        facts = {METADATA_KEY: FieldFacts(stages=stages, public=public)}
        return strawberry.mutation(told, description=description, metadata=facts)

    return decorated


def timestamp_of(moment: datetime) -> Timestamp:
    """Return the protobuf form of a moment in an input; one without a zone is in UTC."""
    return to_timestamp(moment if moment.tzinfo else moment.replace(tzinfo=UTC))


def _key(key: str | None) -> str | None:
    if not key:
        return None
    if not IDEMPOTENCY_KEY_FORM.fullmatch(key):
        raise InvalidArgument("1 to 128 visible ASCII characters.", field="idempotency_key")
    return key


def _user_error(error: NovaError) -> UserError:
    if error.code is Code.NOT_FOUND:
        # Alike for a wrong id, a deleted entity and one that is hidden, whoever found out.
        message = "It does not exist, or you may not see it."
        return UserError(code=error.reason, field=None, message=message)
    path = [_NAMES.get(error.field) or to_camel_case(error.field)] if error.field else None
    return UserError(code=error.reason, field=path, message=error.message)
