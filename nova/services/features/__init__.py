"""Declared features, fed by events and served from packed rows.

Owns      what is known of posts, authors, pairs of people and interests, as numbers that fade
Not       what they are worth (ranking)
Tables    snapshots
Emits     nothing
Consumes  content.post.created, content.post.updated, content.post.deleted,
          social.like.created, social.like.deleted, social.comment.created, social.comment.deleted,
          social.share.created, social.share.deleted
"""
