"""What is allowed, and what was answered."""

import math
from dataclasses import dataclass

from nova.platform.config import Limits
from nova.platform.errors import RateLimited


@dataclass(frozen=True, slots=True)
class Quota:
    """At most `limit` units in any `window_s` seconds. The name is part of headers and of Redis keys."""

    name: str
    limit: int
    window_s: int


@dataclass(frozen=True, slots=True)
class Quotas:
    """The quotas of signed-in people."""

    mutations: Quota
    queries: Quota
    premium: Quota

    @classmethod
    def configured(cls, limits: Limits) -> "Quotas":
        """Return the quotas that the configuration asks for."""
        return cls(
            mutations=Quota("mutations", limits.mutations_per_min, 60),
            queries=Quota("queries", limits.queries_per_min, 60),
            premium=Quota("premium", limits.premium_per_min, 60),
        )

    def of(self, *, mutation: bool, premium: bool) -> Quota:
        """Return the quota of an operation; premium people have one for everything."""
        if premium:
            return self.premium
        return self.mutations if mutation else self.queries


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer to one `take`. Times are in seconds from now; `retry_after_s` is 0 when it was allowed."""

    quota: Quota
    allowed: bool
    remaining: int
    reset_s: float
    retry_after_s: float = 0.0

    def headers(self) -> dict[str, str]:
        """Return `RateLimit`, `RateLimit-Policy` and `Retry-After`.

        Sources: draft-ietf-httpapi-ratelimit-headers-10; RFC 9110, section 10.2.3.
        """
        name = self.quota.name
        headers = {
            "RateLimit-Policy": f'"{name}";q={self.quota.limit};w={self.quota.window_s}',
            "RateLimit": f'"{name}";r={self.remaining};t={math.ceil(self.reset_s)}',
        }
        if not self.allowed:
            headers["Retry-After"] = str(max(1, math.ceil(self.retry_after_s)))
        return headers

    def require(self) -> None:
        """Raise `RateLimited` unless it was allowed."""
        if not self.allowed:
            quota = self.quota
            raise RateLimited(
                f"More than {quota.limit} {quota.name} in {quota.window_s} s: wait and try again.",
                retry_after_s=self.retry_after_s,
            )
