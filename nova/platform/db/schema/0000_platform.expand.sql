-- What every room has, whatever it does: its outbox, its memory of what it has heard, and its idempotency keys.
-- Applied as migration 0000, in the room's own schema and under the room's own role.

-- The role carries the session settings, because PgBouncer does not take them at the start of a connection.
ALTER ROLE CURRENT_USER SET jit = off;
ALTER ROLE CURRENT_USER SET statement_timeout = '5s';
ALTER ROLE CURRENT_USER SET idle_in_transaction_session_timeout = '30s';

-- Events that are committed and not yet in the log. `seq` orders them; rows leave when the log has them.
CREATE TABLE outbox (
    seq        bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id         uuid        NOT NULL,
    topic      text        NOT NULL,
    key        bytea       NOT NULL,
    payload    bytea       NOT NULL,
    headers    text        NOT NULL DEFAULT '{}',
    emitted_at timestamptz NOT NULL,
    tries      smallint    NOT NULL DEFAULT 0,
    retry_at   timestamptz,
    failure    text
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_cost_delay = 0);

-- Rows that the log refused and that hold back the later ones of their key: few, or none.
CREATE INDEX outbox_held ON outbox (topic, key, seq) WHERE retry_at IS NOT NULL;
CREATE INDEX outbox_retry ON outbox (retry_at) WHERE retry_at IS NOT NULL;

-- Each time a relay takes the outbox it draws the next number: the log refuses a relay that lost its turn.
CREATE SEQUENCE outbox_turns;

-- Events that the log refused five times. Kept until someone replays or forgets them.
CREATE TABLE outbox_dead (
    seq        bigint      PRIMARY KEY,
    id         uuid        NOT NULL,
    topic      text        NOT NULL,
    key        bytea       NOT NULL,
    payload    bytea       NOT NULL,
    headers    text        NOT NULL,
    emitted_at timestamptz NOT NULL,
    tries      smallint    NOT NULL,
    failure    text        NOT NULL,
    died_at    timestamptz NOT NULL DEFAULT now()
);

-- What each consumer of this room has handled, written in the transaction of the effect.
CREATE TABLE processed_events (
    consumer     text        NOT NULL,
    event_id     uuid        NOT NULL,
    processed_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (consumer, event_id)
);
CREATE INDEX processed_events_age ON processed_events USING brin (processed_at);

-- The first answer to each mutation that came under a key.
CREATE TABLE idempotency_keys (
    actor_id   uuid        NOT NULL,
    method     text        NOT NULL,
    key        text        NOT NULL,
    body_hash  bytea       NOT NULL,
    response   bytea,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (actor_id, method, key)
);
CREATE INDEX idempotency_keys_age ON idempotency_keys (created_at);

-- down:
DROP TABLE idempotency_keys;
DROP TABLE processed_events;
DROP TABLE outbox_dead;
DROP SEQUENCE outbox_turns;
DROP TABLE outbox;
ALTER ROLE CURRENT_USER RESET idle_in_transaction_session_timeout;
ALTER ROLE CURRENT_USER RESET statement_timeout;
ALTER ROLE CURRENT_USER RESET jit;
