"""The floor under every room: infrastructure, and no word of the domain."""
