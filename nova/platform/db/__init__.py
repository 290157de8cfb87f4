"""One room's PostgreSQL: pools, transactions that carry events and idempotency keys, and migrations."""
