"""The event log: a port (`port.py`) and the log in PostgreSQL (`postgres.py` and what belongs to it)."""
