"""What the pools of this process tell Prometheus."""

from prometheus_client import Counter, Gauge

CONNECTIONS_ACTIVE = Gauge("db_connections_active", "Connections in use.", ["room", "pool"])
CONNECTIONS_MAX = Gauge("db_connections_max", "Connections that the pool may open.", ["room", "pool"])
ACQUIRE_TIMEOUTS = Counter(
    "db_acquire_timeouts", "Waits for a connection that ended empty.", ["room", "pool"]
)
