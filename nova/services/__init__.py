"""The rooms. A room owns its data; rooms meet only in `proto/` (gRPC and topics)."""
