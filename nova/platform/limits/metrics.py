"""What the limiters tell Prometheus."""

from prometheus_client import Counter

REFUSED = Counter("rate_limited", "Takes that were refused.", ["quota"])
LOCAL = Counter("rate_limit_local", "Takes decided on the local budget, Redis being lost.", ["quota"])
