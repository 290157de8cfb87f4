"""Accounts, sign-in, sessions, tokens, roles and suspensions.

Owns      who may sign in and how, the sessions and their tokens, the signing keys, roles and permissions,
          who is suspended, the mails that lead back into an account
Not       profiles (user), what a permission protects (each room at its own data), or verdicts on what was published
Tables    accounts, guesses, sessions, refresh_tokens, keyed_calls, revocations, signing_keys, mails
Emits     identity.user.created
Consumes  nothing
"""
