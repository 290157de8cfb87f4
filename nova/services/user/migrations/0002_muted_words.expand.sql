-- Words as policy folds them. They go with the profile.
CREATE TABLE muted_words (
    user_id    uuid             NOT NULL REFERENCES profiles ON DELETE CASCADE,
    word       text COLLATE "C" NOT NULL CHECK (char_length(word) BETWEEN 1 AND 100),
    created_at timestamptz      NOT NULL,
    until      timestamptz,
    PRIMARY KEY (user_id, word)
);

-- down:
DROP TABLE muted_words;
