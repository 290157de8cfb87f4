-- The event log in PostgreSQL: owned by the log's own role, read and written by nobody else.

ALTER ROLE CURRENT_USER SET jit = off;
ALTER ROLE CURRENT_USER SET statement_timeout = '5s';
ALTER ROLE CURRENT_USER SET idle_in_transaction_session_timeout = '60s';

CREATE TABLE topics (
    id         integer     GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name       text        NOT NULL UNIQUE,
    created_at timestamptz NOT NULL DEFAULT now()
);

-- The row of a partition is locked while records are appended to it: offsets are gapless and in order of commit.
CREATE TABLE partitions (
    id           integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    topic_id     integer NOT NULL REFERENCES topics,
    number       integer NOT NULL,
    first_offset bigint  NOT NULL DEFAULT 0,
    next_offset  bigint  NOT NULL DEFAULT 0,
    UNIQUE (topic_id, number)
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);

-- `seq` is drawn under the partition's lock, in the order of the append: it merges partitions and topics of one
-- producer back into the order in which that producer spoke.
CREATE TABLE records (
    partition_id integer     NOT NULL,
    "offset"     bigint      NOT NULL,
    seq          bigint      GENERATED ALWAYS AS IDENTITY,
    id           uuid        NOT NULL,
    key          bytea       NOT NULL,
    payload      bytea       NOT NULL,
    source       text        NOT NULL,
    headers      text        NOT NULL,
    emitted_at   timestamptz NOT NULL,
    appended_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (partition_id, "offset")
) WITH (autovacuum_vacuum_insert_scale_factor = 0.2);

-- A member owns a partition of its group by the lock on its row.
CREATE TABLE group_offsets (
    group_name   text    NOT NULL,
    partition_id integer NOT NULL REFERENCES partitions,
    committed    bigint  NOT NULL,
    PRIMARY KEY (group_name, partition_id)
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);

-- The highest turn that was seen of each producer.
CREATE TABLE producers (
    name text   PRIMARY KEY,
    turn bigint NOT NULL
) WITH (fillfactor = 50);

-- down:
DROP TABLE producers;
DROP TABLE group_offsets;
DROP TABLE records;
DROP TABLE partitions;
DROP TABLE topics;
ALTER ROLE CURRENT_USER RESET idle_in_transaction_session_timeout;
ALTER ROLE CURRENT_USER RESET statement_timeout;
ALTER ROLE CURRENT_USER RESET jit;
