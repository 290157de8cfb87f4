"""gRPC in, a verb of identity, gRPC out. No decisions."""

from nova.api.identity.v1 import identity_pb2 as pb
from nova.api.identity.v1.identity_pb2_grpc import IdentityServiceServicer
from nova.platform.db.idempotency import Once
from nova.platform.rpc.context import current_actor, idempotency_key
from nova.platform.rpc.validate import (
    number_of,
    optional_uuid_of,
    page_size,
    text_of,
    time_of,
    to_timestamp,
    uuid_of,
)
from nova.policy.rules import EMAIL_MOST
from nova.services.identity.keys import SigningKeys
from nova.services.identity.model import (
    Account,
    Device,
    Revocation,
    Session,
    SessionId,
    SignedIn,
    Suspension,
    UserId,
)
from nova.services.identity.service.accounts import Accounts
from nova.services.identity.service.recovery import Recovery
from nova.services.identity.service.roles import Roles
from nova.services.identity.service.sessions import Sessions
from nova.services.identity.service.suspending import Suspensions
from nova.services.identity.service.verification import Verification

SYSTEM_METHODS = frozenset(
    {
        "SignUp", "SignIn", "RefreshSession", "RequestPasswordReset", "ResetPassword", "VerifyEmail",
        "GetKeySet", "ListRevocations",
    }
)  # fmt: skip
MOST_SESSIONS = 100
MOST_REVOCATIONS = 5000
_USER_AGENT_MOST = 300
_IP_ADDRESS_MOST = 45


class IdentityServer(IdentityServiceServicer):
    """Identity's servicer.

    Verbs that answer with tokens see to their idempotency key themselves: their answers must not be kept.
    """

    def __init__(
        self,
        *,
        accounts: Accounts,
        recovery: Recovery,
        verification: Verification,
        sessions: Sessions,
        roles: Roles,
        suspensions: Suspensions,
        keys: SigningKeys,
        once: Once,
    ) -> None:
        self._accounts = accounts
        self._recovery = recovery
        self._verification = verification
        self._sessions = sessions
        self._roles = roles
        self._suspensions = suspensions
        self._keys = keys
        self._once = once

    async def SignUp(self, request: pb.SignUpRequest, context: object) -> pb.SignUpResponse:
        signed_in = await self._accounts.sign_up(
            handle=request.handle,
            email=request.email,
            password=request.password,
            display_name=request.display_name,
            device=_device(request.device),
            key=idempotency_key(),
        )
        return pb.SignUpResponse(account=_account(signed_in.account), tokens=_tokens(signed_in))

    async def SignIn(self, request: pb.SignInRequest, context: object) -> pb.SignInResponse:
        signed_in = await self._accounts.sign_in(
            login=text_of(request.login, "login", most=EMAIL_MOST),
            password=request.password,
            device=_device(request.device),
            key=idempotency_key(),
        )
        return pb.SignInResponse(account=_account(signed_in.account), tokens=_tokens(signed_in))

    async def RefreshSession(
        self, request: pb.RefreshSessionRequest, context: object
    ) -> pb.RefreshSessionResponse:
        signed_in = await self._sessions.refresh(request.refresh_token, key=idempotency_key())
        return pb.RefreshSessionResponse(account=_account(signed_in.account), tokens=_tokens(signed_in))

    async def ChangePassword(
        self, request: pb.ChangePasswordRequest, context: object
    ) -> pb.ChangePasswordResponse:
        signed_in = await self._accounts.change_password(
            current_actor(),
            current=request.current_password,
            following=request.next_password,
            key=idempotency_key(),
        )
        return pb.ChangePasswordResponse(tokens=_tokens(signed_in))

    async def SignOut(self, request: pb.SignOutRequest, context: object) -> pb.SignOutResponse:
        return await self._once(
            request,
            pb.SignOutResponse,
            lambda: self._sessions.sign_out(current_actor()),
            present=lambda _: pb.SignOutResponse(),
        )

    async def RevokeSession(
        self, request: pb.RevokeSessionRequest, context: object
    ) -> pb.RevokeSessionResponse:
        session_id = SessionId(uuid_of(request.session_id, "session_id"))
        return await self._once(
            request,
            pb.RevokeSessionResponse,
            lambda: self._sessions.revoke(current_actor(), session_id),
            present=lambda _: pb.RevokeSessionResponse(),
        )

    async def RevokeAllSessions(
        self, request: pb.RevokeAllSessionsRequest, context: object
    ) -> pb.RevokeAllSessionsResponse:
        return await self._once(
            request,
            pb.RevokeAllSessionsResponse,
            lambda: self._sessions.revoke_all(current_actor()),
            present=lambda count: pb.RevokeAllSessionsResponse(revoked_count=count),
        )

    async def RequestPasswordReset(
        self, request: pb.RequestPasswordResetRequest, context: object
    ) -> pb.RequestPasswordResetResponse:
        return await self._once(
            request,
            pb.RequestPasswordResetResponse,
            lambda: self._recovery.request(request.email),
            present=lambda _: pb.RequestPasswordResetResponse(),
        )

    async def ResetPassword(
        self, request: pb.ResetPasswordRequest, context: object
    ) -> pb.ResetPasswordResponse:
        return await self._once(
            request,
            pb.ResetPasswordResponse,
            lambda: self._recovery.reset(request.token, request.password),
            present=lambda _: pb.ResetPasswordResponse(),
        )

    async def RequestEmailVerification(
        self, request: pb.RequestEmailVerificationRequest, context: object
    ) -> pb.RequestEmailVerificationResponse:
        return await self._once(
            request,
            pb.RequestEmailVerificationResponse,
            lambda: self._verification.request(current_actor()),
            present=lambda _: pb.RequestEmailVerificationResponse(),
        )

    async def VerifyEmail(self, request: pb.VerifyEmailRequest, context: object) -> pb.VerifyEmailResponse:
        return await self._once(
            request,
            pb.VerifyEmailResponse,
            lambda: self._verification.verify(request.token),
            present=lambda email: pb.VerifyEmailResponse(email=email),
        )

    async def ListSessions(self, request: pb.ListSessionsRequest, context: object) -> pb.ListSessionsResponse:
        before = optional_uuid_of(request.page_token, "page_token")
        page = await self._sessions.page(
            current_actor(),
            size=page_size(request.page_size, most=MOST_SESSIONS, default=20),
            before=None if before is None else SessionId(before),
        )
        return pb.ListSessionsResponse(
            sessions=[_session(session) for session in page.sessions],
            next_page_token=b"" if page.next_after is None else page.next_after.bytes,
        )

    async def GetAccount(self, request: pb.GetAccountRequest, context: object) -> pb.GetAccountResponse:
        return pb.GetAccountResponse(account=_account(await self._accounts.account_of(current_actor())))

    async def GrantRole(self, request: pb.GrantRoleRequest, context: object) -> pb.GrantRoleResponse:
        user_id = UserId(uuid_of(request.user_id, "user_id"))
        return await self._once(
            request,
            pb.GrantRoleResponse,
            lambda: self._roles.grant(current_actor(), user_id, request.role),
            present=lambda account: pb.GrantRoleResponse(account=_account(account)),
        )

    async def WithdrawRole(self, request: pb.WithdrawRoleRequest, context: object) -> pb.WithdrawRoleResponse:
        user_id = UserId(uuid_of(request.user_id, "user_id"))
        return await self._once(
            request,
            pb.WithdrawRoleResponse,
            lambda: self._roles.withdraw(current_actor(), user_id, request.role),
            present=lambda account: pb.WithdrawRoleResponse(account=_account(account)),
        )

    async def SuspendAccount(
        self, request: pb.SuspendAccountRequest, context: object
    ) -> pb.SuspendAccountResponse:
        user_id = UserId(uuid_of(request.user_id, "user_id"))
        until = time_of(request.until, "until") if request.HasField("until") else None
        return await self._once(
            request,
            pb.SuspendAccountResponse,
            lambda: self._suspensions.suspend(current_actor(), user_id, reason=request.reason, until=until),
            present=lambda suspension: pb.SuspendAccountResponse(suspension=_suspension(suspension)),
        )

    async def ReinstateAccount(
        self, request: pb.ReinstateAccountRequest, context: object
    ) -> pb.ReinstateAccountResponse:
        user_id = UserId(uuid_of(request.user_id, "user_id"))
        return await self._once(
            request,
            pb.ReinstateAccountResponse,
            lambda: self._suspensions.reinstate(current_actor(), user_id),
            present=lambda _: pb.ReinstateAccountResponse(),
        )

    async def GetKeySet(self, request: pb.GetKeySetRequest, context: object) -> pb.GetKeySetResponse:
        return pb.GetKeySetResponse(jwks_json=self._keys.jwks_json())

    async def ListRevocations(
        self, request: pb.ListRevocationsRequest, context: object
    ) -> pb.ListRevocationsResponse:
        after = number_of(request.after_seq, "after_seq", least=0, most=2**63 - 1)
        revocations = await self._sessions.revocations_after(
            int(after), limit=page_size(request.page_size, most=MOST_REVOCATIONS, default=1000)
        )
        return pb.ListRevocationsResponse(
            revocations=[revocation_message(each) for each in revocations],
            kids=await self._keys.verifying(),
        )


def revocation_message(revocation: Revocation) -> pb.Revocation:
    """Return a revocation as verifiers read it."""
    return pb.Revocation(
        seq=revocation.seq,
        user_id=revocation.user_id.bytes,
        session_id=b"" if revocation.session_id is None else revocation.session_id.bytes,
        epoch=revocation.epoch or 0,
        revoked_at=to_timestamp(revocation.revoked_at),
    )


def _device(device: pb.Device) -> Device:
    """Return the device with what can be shown of its texts: they come from headers and decide nothing."""
    return Device(
        user_agent=_shown(device.user_agent, _USER_AGENT_MOST),
        ip_address=_shown(device.ip_address, _IP_ADDRESS_MOST),
    )


def _shown(text: str, most: int) -> str:
    return "".join(character for character in text[:most] if character.isprintable())


def _account(account: Account) -> pb.Account:
    return pb.Account(
        user_id=account.user_id.bytes,
        handle=account.handle,
        email=account.email,
        roles=sorted(account.roles),
        permissions=sorted(account.permissions),
        created_at=to_timestamp(account.created_at),
        email_verified=account.email_verified_at is not None,
    )


def _suspension(suspension: Suspension) -> pb.Suspension:
    return pb.Suspension(
        suspended_at=to_timestamp(suspension.suspended_at),
        until=None if suspension.until is None else to_timestamp(suspension.until),
        reason=suspension.reason,
        suspended_by=b"" if suspension.suspended_by is None else suspension.suspended_by.bytes,
    )


def _tokens(signed_in: SignedIn) -> pb.Tokens:
    return pb.Tokens(
        access_token=signed_in.tokens.access_token,
        refresh_token=signed_in.tokens.refresh_token,
        expires_in_s=signed_in.tokens.expires_in_s,
    )


def _session(session: Session) -> pb.Session:
    return pb.Session(
        session_id=session.session_id.bytes,
        created_at=to_timestamp(session.created_at),
        last_used_at=to_timestamp(session.last_used_at),
        user_agent=session.device.user_agent,
        ip_address=session.device.ip_address,
        page_token=session.session_id.bytes,
    )
