"""A Redis client whose commands of one loop turn leave in one write.

`client` sends commands, `subscriber` hears channels, `connection` is the socket under both, `address` reads
URLs. The protocol itself is RESP3, packed and parsed by hiredis.
"""
