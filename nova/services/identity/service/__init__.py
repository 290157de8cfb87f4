"""The verbs of identity: accounts, sessions and roles, and the three acts that they share."""
