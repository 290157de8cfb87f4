-- The packed tables as they were at a position of the log: a process that starts goes on from there.
CREATE TABLE snapshots (
    name text PRIMARY KEY,
    taken_at timestamptz NOT NULL,
    position jsonb NOT NULL,
    tables bytea[] NOT NULL,
    notes jsonb NOT NULL
);

-- down:
DROP TABLE snapshots;
