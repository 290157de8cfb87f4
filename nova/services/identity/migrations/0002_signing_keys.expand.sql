-- The keys that sign tokens. The private half is sealed by a key that is not in this database.

CREATE TABLE signing_keys (
    kid            text        PRIMARY KEY,
    public_der     bytea       NOT NULL,
    sealed         bytea       NOT NULL,
    created_at     timestamptz NOT NULL,
    signs_from     timestamptz NOT NULL,
    signs_until    timestamptz NOT NULL,
    verifies_until timestamptz NOT NULL,
    CHECK (created_at <= signs_from AND signs_from < signs_until AND signs_until < verifies_until)
);

-- down:
DROP TABLE signing_keys;
