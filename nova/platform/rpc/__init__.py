"""Calls between rooms: one chain of middlewares, over a local channel or over TCP."""
