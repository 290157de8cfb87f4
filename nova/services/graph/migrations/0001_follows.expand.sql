-- Ledgers: what ended stays as a tombstone, so that the versions of a pair never go back.
CREATE TABLE follows (
    follower_id uuid        NOT NULL,
    followee_id uuid        NOT NULL CHECK (followee_id <> follower_id),
    since       timestamptz NOT NULL,
    ended_at    timestamptz,
    version     bigint      NOT NULL,
    PRIMARY KEY (follower_id, followee_id)
);

CREATE TABLE follow_requests (
    requester_id uuid        NOT NULL,
    requested_id uuid        NOT NULL CHECK (requested_id <> requester_id),
    since        timestamptz NOT NULL,
    ended_at     timestamptz,
    version      bigint      NOT NULL,
    PRIMARY KEY (requester_id, requested_id)
);
CREATE INDEX follow_requests_open ON follow_requests (requested_id) WHERE ended_at IS NULL;

-- Copies of what user says, kept up by its events: a follow is decided on them in the transaction that makes it.
CREATE TABLE people (
    user_id    uuid    PRIMARY KEY,
    is_private boolean NOT NULL,
    version    bigint  NOT NULL
);

CREATE TABLE blocks (
    user_id    uuid    NOT NULL,
    blocked_id uuid    NOT NULL,
    lifted     boolean NOT NULL,
    version    bigint  NOT NULL,
    PRIMARY KEY (user_id, blocked_id)
);

-- down:
DROP TABLE blocks;
DROP TABLE people;
DROP TABLE follow_requests;
DROP TABLE follows;
