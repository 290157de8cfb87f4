"""Signing up, in and out."""

import strawberry

from nova.api.identity.v1 import identity_pb2
from nova.gateway.context import Info
from nova.gateway.global_ids import Kind, bytes_of
from nova.gateway.schema.calls import changing
from nova.gateway.schema.mutations import MutationInput, Payload, mutation
from nova.gateway.schema.viewer import Viewer
from nova.policy import rules


@strawberry.type(description="The tokens of one session.")
class Tokens:
    """The tokens of one session."""

    access_token: str
    refresh_token: str = strawberry.field(description="Good for one use; each use brings the next.")
    expires_in: int = strawberry.field(description="Seconds for which the access token is good.")

    @classmethod
    def of(cls, tokens: identity_pb2.Tokens) -> "Tokens":
        """Return the tokens that identity issued."""
        return cls(
            access_token=tokens.access_token,
            refresh_token=tokens.refresh_token,
            expires_in=tokens.expires_in_s,
        )


@strawberry.input
class SignUpInput(MutationInput):
    """A new account."""

    handle: str = strawberry.field(description="3 to 30 letters a-z, digits and underscores.")
    email: str
    password: str = strawberry.field(description="8 to 128 characters.")
    display_name: str = strawberry.field(description="1 to 50 characters.")


@strawberry.type
class SignUpPayload(Payload):
    """The first session of the account."""

    tokens: Tokens | None = None
    viewer: Viewer | None = None


@strawberry.input
class SignInInput(MutationInput):
    """Who, and how he proves it."""

    login: str = strawberry.field(description="A handle or an e-mail address.")
    password: str


@strawberry.type
class SignInPayload(Payload):
    """The new session."""

    tokens: Tokens | None = None
    viewer: Viewer | None = None


@strawberry.input
class RefreshSessionInput(MutationInput):
    """The newest refresh token of a session."""

    refresh_token: str


@strawberry.type
class RefreshSessionPayload(Payload):
    """The next tokens; the old refresh token is dead."""

    tokens: Tokens | None = None
    viewer: Viewer | None = None


@strawberry.input
class SignOutInput(MutationInput):
    """The session that asks."""


@strawberry.type
class SignOutPayload(Payload):
    """Done."""


@strawberry.input
class RevokeSessionInput(MutationInput):
    """Which session of one's own."""

    id: strawberry.ID


@strawberry.type
class RevokeSessionPayload(Payload):
    """The session that ended."""

    revoked_session_id: strawberry.ID | None = None


@strawberry.input
class RevokeAllSessionsInput(MutationInput):
    """All of them, the one that asks included."""


@strawberry.type
class RevokeAllSessionsPayload(Payload):
    """How many ended."""

    revoked_count: int | None = None


@strawberry.input
class ChangePasswordInput(MutationInput):
    """The password as it is, and as it shall be."""

    current: str
    next: str = strawberry.field(description="8 to 128 characters.")


@strawberry.type
class ChangePasswordPayload(Payload):
    """New tokens of this session; all others have ended."""

    tokens: Tokens | None = None


@strawberry.input
class RequestPasswordResetInput(MutationInput):
    """The address of the account."""

    email: str


@strawberry.type
class RequestPasswordResetPayload(Payload):
    """Whoever has the address finds a mail there; the answer does not tell whether anybody has."""


@strawberry.input
class ResetPasswordInput(MutationInput):
    """The link that was mailed, and the new password."""

    token: str = strawberry.field(description="From the link: good once, for 30 minutes.")
    password: str = strawberry.field(description="8 to 128 characters.")


@strawberry.type
class ResetPasswordPayload(Payload):
    """Done: all sessions have ended, so sign in."""


@strawberry.input
class RequestEmailVerificationInput(MutationInput):
    """The account that asks."""


@strawberry.type
class RequestEmailVerificationPayload(Payload):
    """A mail is on its way, unless the address is verified already."""

    viewer: Viewer | None = None


@strawberry.input
class VerifyEmailInput(MutationInput):
    """The link that was mailed."""

    token: str = strawberry.field(description="From the link: good once, for 24 hours.")


@strawberry.type
class VerifyEmailPayload(Payload):
    """The address that is verified now."""

    email: str | None = None


def _device(info: Info) -> identity_pb2.Device:
    client = info.context.client
    return identity_pb2.Device(user_agent=client.user_agent, ip_address=client.address)


@strawberry.type
class IdentityMutations:
    """Signing up, in and out."""

    @mutation("Creates an account and signs in.", changing("identity.SignUp"), public=True)
    async def sign_up(self, info: Info, input: SignUpInput) -> SignUpPayload:  # noqa: A002 - the contract's name
        """Create an account."""
        context = info.context
        request = identity_pb2.SignUpRequest(
            handle=rules.handle(input.handle),
            email=rules.email(input.email),
            password=rules.password(input.password),
            display_name=rules.display_name(input.display_name),
            device=_device(info),
        )
        answer = await context.change(context.rooms.identity.SignUp, request, key=input.idempotency_key)
        await context.sign_in(answer.tokens.access_token)
        return SignUpPayload(tokens=Tokens.of(answer.tokens), viewer=Viewer())

    @mutation("Opens a session.", changing("identity.SignIn"), public=True)
    async def sign_in(self, info: Info, input: SignInInput) -> SignInPayload:  # noqa: A002 - as above
        """Open a session."""
        context = info.context
        request = identity_pb2.SignInRequest(login=input.login, password=input.password, device=_device(info))
        answer = await context.change(context.rooms.identity.SignIn, request, key=input.idempotency_key)
        await context.sign_in(answer.tokens.access_token)
        return SignInPayload(tokens=Tokens.of(answer.tokens), viewer=Viewer())

    @mutation("Exchanges a refresh token for new tokens.", changing("identity.RefreshSession"), public=True)
    async def refresh_session(self, info: Info, input: RefreshSessionInput) -> RefreshSessionPayload:  # noqa: A002 - as above
        """Exchange a refresh token."""
        context = info.context
        request = identity_pb2.RefreshSessionRequest(refresh_token=input.refresh_token)
        answer = await context.change(
            context.rooms.identity.RefreshSession, request, key=input.idempotency_key
        )
        await context.sign_in(answer.tokens.access_token)
        return RefreshSessionPayload(tokens=Tokens.of(answer.tokens), viewer=Viewer())

    @mutation("Ends the session that asks.", changing("identity.SignOut"))
    async def sign_out(self, info: Info, input: SignOutInput) -> SignOutPayload:  # noqa: A002 - as above
        """End this session."""
        context = info.context
        request = identity_pb2.SignOutRequest()
        await context.change(context.rooms.identity.SignOut, request, key=input.idempotency_key)
        return SignOutPayload()

    @mutation("Ends one of the viewer's sessions.", changing("identity.RevokeSession"))
    async def revoke_session(self, info: Info, input: RevokeSessionInput) -> RevokeSessionPayload:  # noqa: A002 - as above
        """End a session."""
        context = info.context
        request = identity_pb2.RevokeSessionRequest(session_id=bytes_of(input.id, Kind.SESSION))
        await context.change(context.rooms.identity.RevokeSession, request, key=input.idempotency_key)
        return RevokeSessionPayload(revoked_session_id=input.id)

    @mutation("Ends every session of the viewer.", changing("identity.RevokeAllSessions"))
    async def revoke_all_sessions(
        self,
        info: Info,
        input: RevokeAllSessionsInput,  # noqa: A002 - as above
    ) -> RevokeAllSessionsPayload:
        """End every session."""
        context = info.context
        request = identity_pb2.RevokeAllSessionsRequest()
        answer = await context.change(
            context.rooms.identity.RevokeAllSessions, request, key=input.idempotency_key
        )
        return RevokeAllSessionsPayload(revoked_count=answer.revoked_count)

    @mutation("Changes the password and ends all other sessions.", changing("identity.ChangePassword"))
    async def change_password(self, info: Info, input: ChangePasswordInput) -> ChangePasswordPayload:  # noqa: A002 - as above
        """Change the password."""
        context = info.context
        request = identity_pb2.ChangePasswordRequest(
            current_password=input.current, next_password=rules.password(input.next, field="next")
        )
        answer = await context.change(
            context.rooms.identity.ChangePassword, request, key=input.idempotency_key
        )
        await context.sign_in(answer.tokens.access_token)
        return ChangePasswordPayload(tokens=Tokens.of(answer.tokens))

    @mutation(
        "Mails a link that sets a new password.", changing("identity.RequestPasswordReset"), public=True
    )
    async def request_password_reset(
        self,
        info: Info,
        input: RequestPasswordResetInput,  # noqa: A002 - as above
    ) -> RequestPasswordResetPayload:
        """Ask for a link."""
        context = info.context
        request = identity_pb2.RequestPasswordResetRequest(email=rules.email(input.email))
        await context.change(context.rooms.identity.RequestPasswordReset, request, key=input.idempotency_key)
        return RequestPasswordResetPayload()

    @mutation(
        "Sets a new password by a mailed link, and ends all sessions.",
        changing("identity.ResetPassword"),
        public=True,
    )
    async def reset_password(self, info: Info, input: ResetPasswordInput) -> ResetPasswordPayload:  # noqa: A002 - as above
        """Set a new password."""
        context = info.context
        request = identity_pb2.ResetPasswordRequest(
            token=input.token, password=rules.password(input.password)
        )
        await context.change(context.rooms.identity.ResetPassword, request, key=input.idempotency_key)
        return ResetPasswordPayload()

    @mutation(
        "Mails a link that verifies the viewer's address.", changing("identity.RequestEmailVerification")
    )
    async def request_email_verification(
        self,
        info: Info,
        input: RequestEmailVerificationInput,  # noqa: A002 - as above
    ) -> RequestEmailVerificationPayload:
        """Ask for another link."""
        context = info.context
        request = identity_pb2.RequestEmailVerificationRequest()
        await context.change(
            context.rooms.identity.RequestEmailVerification, request, key=input.idempotency_key
        )
        return RequestEmailVerificationPayload(viewer=Viewer())

    @mutation("Verifies an address by a mailed link.", changing("identity.VerifyEmail"), public=True)
    async def verify_email(self, info: Info, input: VerifyEmailInput) -> VerifyEmailPayload:  # noqa: A002 - as above
        """Verify an address."""
        context = info.context
        request = identity_pb2.VerifyEmailRequest(token=input.token)
        answer = await context.change(context.rooms.identity.VerifyEmail, request, key=input.idempotency_key)
        return VerifyEmailPayload(email=answer.email)
