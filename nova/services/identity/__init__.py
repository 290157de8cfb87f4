"""Accounts, sign-in, sessions, tokens and roles.

Owns      who may sign in and how, the sessions and their tokens, the signing keys, roles and permissions,
          the mails that lead back into an account
Not       profiles (user), or what a permission protects (each room at its own data)
Tables    accounts, guesses, sessions, refresh_tokens, keyed_calls, revocations, signing_keys, mails
Emits     identity.user.created
Consumes  nothing
"""
