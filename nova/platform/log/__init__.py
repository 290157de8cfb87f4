"""The event log: a port (`port.py`), the log in PostgreSQL (`postgres*.py`) and Apache Kafka (`kafka*.py`)."""
