"""Who is calling: the actor, the one token verifier, and the view of revoked sessions."""
