"""HTTP and WebSocket: what arrives, what may pass, and what is sent back."""
