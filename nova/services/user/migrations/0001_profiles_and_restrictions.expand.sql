-- Handles are given out by identity; here they are looked up by.
CREATE TABLE profiles (
    user_id      uuid        PRIMARY KEY,
    handle       text        NOT NULL UNIQUE CHECK (handle ~ '^[a-z0-9_]{3,30}$'),
    display_name text        NOT NULL CHECK (char_length(display_name) BETWEEN 1 AND 50),
    bio          text        NOT NULL CHECK (char_length(bio) <= 500),
    avatar_url   text        NOT NULL CHECK (char_length(avatar_url) <= 2048),
    is_private   boolean     NOT NULL,
    created_at   timestamptz NOT NULL,
    version      bigint      NOT NULL
);
CREATE INDEX profiles_private ON profiles (user_id) WHERE is_private;

-- Only of those who chose something: a user without a row has the defaults.
CREATE TABLE settings (
    user_id           uuid    PRIMARY KEY REFERENCES profiles ON DELETE CASCADE,
    language          text    NOT NULL CHECK (char_length(language) <= 35),
    personalised_feed boolean NOT NULL,
    suggestible       boolean NOT NULL
);
CREATE INDEX settings_unsuggested ON settings (user_id) WHERE NOT suggestible;

-- Ledgers: what was lifted stays as a tombstone, so that versions of a pair never go back.
CREATE TABLE blocks (
    user_id    uuid        NOT NULL,
    blocked_id uuid        NOT NULL CHECK (blocked_id <> user_id),
    blocked_at timestamptz NOT NULL,
    lifted_at  timestamptz,
    version    bigint      NOT NULL,
    PRIMARY KEY (user_id, blocked_id)
);
CREATE INDEX blocks_newest ON blocks (user_id, blocked_at DESC, blocked_id DESC) WHERE lifted_at IS NULL;

CREATE TABLE mutes (
    user_id   uuid        NOT NULL,
    muted_id  uuid        NOT NULL CHECK (muted_id <> user_id),
    muted_at  timestamptz NOT NULL,
    until     timestamptz,
    lifted_at timestamptz,
    version   bigint      NOT NULL,
    PRIMARY KEY (user_id, muted_id)
);
CREATE INDEX mutes_newest ON mutes (user_id, muted_at DESC, muted_id DESC) WHERE lifted_at IS NULL;

-- down:
DROP TABLE mutes;
DROP TABLE blocks;
DROP TABLE settings;
DROP TABLE profiles;
