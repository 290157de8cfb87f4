-- Accounts, their sessions and tokens, and what has been revoked.

CREATE TABLE accounts (
    user_id       uuid        PRIMARY KEY,
    handle        text        NOT NULL CONSTRAINT accounts_handle UNIQUE CHECK (handle ~ '^[a-z0-9_]{3,30}$'),
    email         text        NOT NULL CONSTRAINT accounts_email UNIQUE CHECK (char_length(email) <= 254 AND email = lower(email)),
    password_hash text        NOT NULL,
    roles         text[]      NOT NULL,
    epoch         bigint      NOT NULL DEFAULT 0,
    created_at    timestamptz NOT NULL
);

-- Passwords that were tried and not found right, by account, or by login where there is no such account.
CREATE TABLE guesses (
    subject    bytea         PRIMARY KEY,
    guessed_at timestamptz[] NOT NULL
);

CREATE TABLE sessions (
    session_id   uuid        PRIMARY KEY,
    user_id      uuid        NOT NULL REFERENCES accounts ON DELETE CASCADE,
    user_agent   text        NOT NULL CHECK (char_length(user_agent) <= 300),
    ip_address   text        NOT NULL CHECK (char_length(ip_address) <= 45),
    created_at   timestamptz NOT NULL,
    last_used_at timestamptz NOT NULL,
    expires_at   timestamptz NOT NULL
);
CREATE INDEX sessions_of_user ON sessions (user_id, session_id DESC);
CREATE INDEX sessions_by_end ON sessions (expires_at);

-- The family of a session: one live head, and those that were exchanged for their successor.
CREATE TABLE refresh_tokens (
    token_hash bytea       PRIMARY KEY CHECK (octet_length(token_hash) = 32),
    session_id uuid        NOT NULL REFERENCES sessions ON DELETE CASCADE,
    expires_at timestamptz NOT NULL,
    used_at    timestamptz
);
CREATE INDEX refresh_tokens_family ON refresh_tokens (session_id);
CREATE INDEX refresh_tokens_by_end ON refresh_tokens (expires_at);
-- No race can leave a session with two live heads: the database refuses the second.
CREATE UNIQUE INDEX refresh_tokens_head ON refresh_tokens (session_id) WHERE used_at IS NULL;

-- Calls that answer with tokens and came under an idempotency key: enough to repeat the answer, and no secret.
CREATE TABLE keyed_calls (
    method     text        NOT NULL,
    key_hash   bytea       NOT NULL,
    body_hash  bytea       NOT NULL,
    session_id uuid        NOT NULL,
    called_at  timestamptz NOT NULL,
    PRIMARY KEY (method, key_hash)
);
CREATE INDEX keyed_calls_age ON keyed_calls (called_at);

-- What verifiers must know beyond a token's own expiry. `seq` follows the order of commits.
CREATE TABLE revocations (
    seq        bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_id    uuid        NOT NULL,
    session_id uuid,
    epoch      bigint,
    revoked_at timestamptz NOT NULL,
    CHECK ((session_id IS NULL) <> (epoch IS NULL))
);

-- down:
DROP TABLE revocations;
DROP TABLE keyed_calls;
DROP TABLE refresh_tokens;
DROP TABLE sessions;
DROP TABLE guesses;
DROP TABLE accounts;
