"""Profiles, settings, private accounts, block and mute lists, muted words.

Owns      how people present themselves, what they chose for themselves, whom and what they block and mute
Not       accounts and handles' uniqueness (identity), follows (graph), what is hidden elsewhere (each room)
Tables    profiles, settings, blocks, mutes, muted_words
Emits     user.profile.updated, user.block.created, user.block.deleted, user.mute.created, user.mute.deleted
Consumes  identity.user.created
"""
