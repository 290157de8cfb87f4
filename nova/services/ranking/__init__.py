"""Two stages: recall what a viewer might like, then rank it, with a reason for every score.

Owns      the model, the order, the reasons
Not       the numbers that it weighs (features), pages and what was seen (feed), who may see (content)
Tables    none; the postings that it recalls from are in memory
Emits     nothing
Consumes  content.post.created, content.post.updated, content.post.deleted
"""
