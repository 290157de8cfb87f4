CREATE TABLE dismissals (
    user_id uuid NOT NULL,
    post_id uuid NOT NULL,
    dismissed_at timestamptz NOT NULL,
    PRIMARY KEY (user_id, post_id)
);
CREATE INDEX dismissals_newest ON dismissals (user_id, dismissed_at DESC);
-- A deleted post takes its dismissals along.
CREATE INDEX dismissals_by_post ON dismissals (post_id);

-- down:
DROP TABLE dismissals;
