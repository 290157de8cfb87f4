"""A room's outbox: events wait here, written by the transaction that made them, until the log has them."""
