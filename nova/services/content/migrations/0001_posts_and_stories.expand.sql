-- A feed page and a profile page read many posts of few authors: posts lie by author. post_authors finds the
-- partition of a post by its id alone, and keeps the id of a deleted one, so that it is never taken again.
CREATE TABLE post_authors (
    post_id uuid PRIMARY KEY,
    author_id uuid NOT NULL,
    deleted_at timestamptz
);

CREATE TABLE posts (
    author_id uuid NOT NULL,
    post_id uuid NOT NULL,
    caption text NOT NULL CHECK (char_length(caption) <= 2000),
    content_type smallint NOT NULL CHECK (content_type BETWEEN 1 AND 4),
    tags text[] NOT NULL CHECK (cardinality(tags) <= 30),
    media jsonb NOT NULL CHECK (jsonb_typeof(media) = 'array' AND jsonb_array_length(media) <= 10),
    audience smallint NOT NULL CHECK (audience BETWEEN 1 AND 3),
    created_at timestamptz NOT NULL,
    edited_at timestamptz,
    version bigint NOT NULL DEFAULT 1,
    PRIMARY KEY (author_id, post_id)
) PARTITION BY HASH (author_id);

DO $$
BEGIN
    FOR remainder IN 0..15 LOOP
        EXECUTE format(
            'CREATE TABLE posts_%s PARTITION OF posts FOR VALUES WITH (MODULUS 16, REMAINDER %s)', remainder, remainder
        );
    END LOOP;
END
$$;

CREATE TABLE post_audience (
    post_id uuid NOT NULL,
    user_id uuid NOT NULL,
    PRIMARY KEY (post_id, user_id)
);

CREATE TABLE post_edits (
    post_id uuid NOT NULL,
    edit_id uuid NOT NULL,
    caption text NOT NULL,
    tags text[] NOT NULL,
    replaced_at timestamptz NOT NULL,
    PRIMARY KEY (post_id, edit_id)
);

CREATE TABLE stories (
    story_id uuid PRIMARY KEY,
    author_id uuid NOT NULL,
    media jsonb NOT NULL CHECK (jsonb_typeof(media) = 'object'),
    caption text NOT NULL CHECK (char_length(caption) <= 2000),
    audience smallint NOT NULL CHECK (audience BETWEEN 1 AND 3),
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL CHECK (expires_at > created_at)
);
CREATE INDEX stories_by_author ON stories (author_id, story_id);
CREATE INDEX stories_by_expiry ON stories (expires_at);

CREATE TABLE story_audience (
    story_id uuid NOT NULL REFERENCES stories ON DELETE CASCADE,
    user_id uuid NOT NULL,
    PRIMARY KEY (story_id, user_id)
);

CREATE TABLE story_views (
    story_id uuid NOT NULL REFERENCES stories ON DELETE CASCADE,
    viewer_id uuid NOT NULL,
    seen_at timestamptz NOT NULL,
    PRIMARY KEY (story_id, viewer_id)
);

-- down:
DROP TABLE story_views;
DROP TABLE story_audience;
DROP TABLE stories;
DROP TABLE post_edits;
DROP TABLE post_audience;
DROP TABLE posts;
DROP TABLE post_authors;
