"""How much one address and one person may ask: the unit is the root field, never the request."""

from nova.gateway.documents import Operation
from nova.platform.auth.actor import Actor
from nova.platform.limits.address import IpLimiter
from nova.platform.limits.quota import Quotas, Verdict
from nova.platform.limits.user import UserLimiter

PREMIUM = "limits:premium"


class Rates:
    """The limits of this gateway: addresses in the process, people across all gateways."""

    def __init__(self, *, addresses: IpLimiter, people: UserLimiter, quotas: Quotas) -> None:
        self._addresses = addresses
        self._people = people
        self._quotas = quotas

    def take_request(self, address: str) -> Verdict:
        """Take one request, or one message that starts an operation, from an address."""
        return self._addresses.take(address)

    def take_more(self, address: str, operation: Operation) -> None:
        """Take the further fields of a mutation from its address; raises `RateLimited`.

        Ten aliased sign-ins are ten: they weigh on the address, for nobody is signed in yet.
        """
        if operation.is_mutation and len(operation.roots) > 1:
            self._addresses.take(address, units=len(operation.roots) - 1).require()

    async def take_fields(self, actor: Actor, operation: Operation) -> Verdict:
        """Take the root fields of an operation from the quota of its viewer."""
        quota = self._quotas.of(mutation=operation.is_mutation, premium=actor.may(PREMIUM))
        return await self._people.take(quota, str(actor.user_id), units=max(len(operation.roots), 1))
