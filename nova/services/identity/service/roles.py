"""Giving roles to accounts and taking them away. New rights reach the account with its next token."""

from nova.platform.auth.actor import Actor
from nova.platform.errors import InvalidArgument
from nova.policy.permissions import Role
from nova.services.identity.model import Account, AccountNotFound, UserId
from nova.services.identity.service.revoking import Revoking
from nova.services.identity.store.reading import IdentityStore


class Roles:
    """Who is what. Every change voids the account's access tokens, which still carry the old rights."""

    def __init__(self, *, store: IdentityStore, revoking: Revoking) -> None:
        self._store = store
        self._revoking = revoking

    async def grant(self, actor: Actor, user_id: UserId, role: str) -> Account:
        """Give an account a role; it keeps the others."""
        actor.require("roles:manage")
        return await self.add(user_id, role)

    async def withdraw(self, actor: Actor, user_id: UserId, role: str) -> Account:
        """Take a role from an account. Every account stays a member."""
        actor.require("roles:manage")
        return await self.remove(user_id, role)

    async def add(self, user_id: UserId, role: str) -> Account:
        """Give a role in nobody's name: for the operator, who makes the first of those who may."""
        return await self._change(user_id, add=frozenset({_role(role)}))

    async def remove(self, user_id: UserId, role: str) -> Account:
        """Take a role in nobody's name."""
        withdrawn = _role(role)
        if withdrawn is Role.MEMBER:
            raise InvalidArgument("role: every account is a member.", field="role")
        return await self._change(user_id, remove=frozenset({withdrawn}))

    async def _change(
        self, user_id: UserId, *, add: frozenset[Role] = frozenset(), remove: frozenset[Role] = frozenset()
    ) -> Account:
        async with self._store.transaction() as tx:
            credentials = await tx.lock_credentials(user_id)
            if credentials is None:
                raise AccountNotFound
            account = credentials.account
            roles = (account.roles | add) - remove
            if roles == account.roles:
                return tx.answer(account)
            await tx.set_roles(user_id, roles)
            return tx.answer(await self._revoking.void_tokens(tx, user_id))


def _role(value: str) -> Role:
    if value not in list(Role):
        raise InvalidArgument(f"role: one of {', '.join(Role)}.", field="role")
    return Role(value)
