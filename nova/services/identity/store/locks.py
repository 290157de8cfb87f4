"""Advisory locks of a transaction, told apart from those of migrations by their class."""

LOCK_CLASS = 0x4944454E  # "IDEN"
REVOCATIONS = 1
SIGNING_KEYS = 2
