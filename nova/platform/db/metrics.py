"""What the pools of this process tell Prometheus."""

from prometheus_client import Counter, Gauge

CONNECTIONS_ACTIVE = Gauge("db_connections_active", "Connections in use.", ["room", "pool"])
CONNECTIONS_MAX = Gauge("db_connections_max", "Connections that the pool may open.", ["room", "pool"])
ACQUIRE_TIMEOUTS = Counter(
    "db_acquire_timeouts", "Waits for a connection that ended empty.", ["room", "pool"]
)
REPLICA_READS = Counter(
    "db_replica_reads",
    "Reads that a replica might answer: served by it, or by the primary as it was behind, away or resting.",
    ["room", "outcome"],
)
