"""All SQL of the room.

Locks are always taken in one order, so that no two verbs can wait for each other: keyed call, account, mail,
session, refresh token, and the sequence of revocations last.
"""
