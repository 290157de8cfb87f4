-- Mails to the people of accounts, queued by the change that they tell of, and the links in them.

ALTER TABLE accounts ADD COLUMN email_verified_at timestamptz;

-- The token of a link is nowhere here: it follows from its row and a key that is not in this database.
CREATE TABLE mails (
    mail_id    uuid        PRIMARY KEY,
    user_id    uuid        NOT NULL REFERENCES accounts ON DELETE CASCADE,
    kind       text        NOT NULL CHECK (kind IN ('verify_email', 'reset_password', 'password_changed')),
    email      text        NOT NULL CHECK (char_length(email) <= 254),
    queued_at  timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    used_at    timestamptz,
    tries      integer     NOT NULL DEFAULT 0,
    due_at     timestamptz
);
COMMENT ON COLUMN mails.expires_at IS 'until when the link is good, and the mail worth sending';
COMMENT ON COLUMN mails.used_at IS 'when the link was used, or became void';
COMMENT ON COLUMN mails.due_at IS 'when it is to be sent, or sent again; null: sent or given up';
CREATE INDEX mails_due ON mails (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX mails_of_user ON mails (user_id, kind);
CREATE INDEX mails_by_end ON mails (expires_at);

-- down:
DROP TABLE mails;
ALTER TABLE accounts DROP COLUMN email_verified_at;
