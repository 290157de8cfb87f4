"""Who follows whom: the ledger, the adjacency in memory, and what one may learn from it.

With NOVA_NEO4J_URL, Neo4j has the follows too and answers paths and suggestions, and memory where it cannot.

Owns      follows and requests to follow
Not       profiles, private accounts, blocks and mutes (user): it only follows them, to answer in one call
Tables    follows, follow_requests, ledger (who this one is); copies of what user says: people, blocks
Emits     graph.follow.created, graph.follow.deleted, graph.request.created, graph.request.deleted
Consumes  identity.user.created, user.profile.updated, user.block.created, user.block.deleted,
          user.mute.created, user.mute.deleted; for Neo4j its own graph.follow.created, graph.follow.deleted
"""
