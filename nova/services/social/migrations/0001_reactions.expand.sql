CREATE TABLE likes (
    post_id uuid NOT NULL,
    user_id uuid NOT NULL,
    liked_at timestamptz NOT NULL,
    PRIMARY KEY (post_id, user_id)
);
CREATE INDEX likes_newest ON likes (post_id, liked_at DESC, user_id DESC);

CREATE TABLE shares (
    post_id uuid NOT NULL,
    user_id uuid NOT NULL,
    text text NOT NULL CHECK (char_length(text) <= 500),
    shared_at timestamptz NOT NULL,
    PRIMARY KEY (post_id, user_id)
);

-- path holds the ids from the top of the thread down to this comment, authors the people who wrote them:
-- whoever may not see one of them does not see what hangs below.
CREATE TABLE comments (
    comment_id uuid PRIMARY KEY,
    post_id uuid NOT NULL,
    parent_id uuid,
    author_id uuid NOT NULL,
    path uuid[] NOT NULL CHECK (cardinality(path) BETWEEN 1 AND 20),
    authors uuid[] NOT NULL CHECK (cardinality(authors) = cardinality(path)),
    text text NOT NULL CHECK (char_length(text) BETWEEN 1 AND 1000),
    created_at timestamptz NOT NULL,
    edited_at timestamptz
);
CREATE INDEX comments_by_post ON comments (post_id, comment_id);
CREATE INDEX comments_top_level ON comments (post_id, comment_id) WHERE parent_id IS NULL;
CREATE INDEX comments_by_parent ON comments (parent_id, comment_id) WHERE parent_id IS NOT NULL;

CREATE TABLE comment_likes (
    comment_id uuid NOT NULL REFERENCES comments ON DELETE CASCADE,
    user_id uuid NOT NULL,
    liked_at timestamptz NOT NULL,
    PRIMARY KEY (comment_id, user_id)
);

-- Exact, because written in the transaction of the edge. A post's count is the sum of its slots: eight writers
-- of one hot post do not wait for each other.
CREATE TABLE post_counters (
    post_id uuid NOT NULL,
    slot smallint NOT NULL,
    likes bigint NOT NULL DEFAULT 0,
    comments bigint NOT NULL DEFAULT 0,
    shares bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (post_id, slot)
);

-- A reaction that arrives after its post's deletion is turned away.
CREATE TABLE deleted_posts (
    post_id uuid PRIMARY KEY,
    deleted_at timestamptz NOT NULL
);

-- down:
DROP TABLE deleted_posts;
DROP TABLE post_counters;
DROP TABLE comment_likes;
DROP TABLE comments;
DROP TABLE shares;
DROP TABLE likes;
