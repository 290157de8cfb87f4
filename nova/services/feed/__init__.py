"""Timelines: who is followed, what may be seen, page by page.

Owns      slates and the places in them, what was seen, what someone is not interested in
Not       the order of a ranked feed (ranking), posts and who may see them (content), follows and mutes (graph),
          muted words (user)
Tables    dismissals; postings in memory; slates, seen posts and timelines in Redis
Emits     nothing
Consumes  content.post.created, content.post.updated, content.post.deleted,
          graph.follow.created, graph.follow.deleted
"""
