"""How much one address or one person may ask for; the unit is the field, never the request.

`quota` holds the numbers and the answer, `address` the token bucket of an IP, `window` the sliding window
that `user` shares through Redis and falls back to when Redis is lost. `pace` bounds what a process does, whoever asks.
"""
