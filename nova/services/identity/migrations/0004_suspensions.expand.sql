-- Accounts that may not sign in, by whom and why. On the account itself: whoever holds its row knows.

ALTER TABLE accounts
    ADD COLUMN suspended_at      timestamptz,
    ADD COLUMN suspended_until   timestamptz,
    ADD COLUMN suspended_by      uuid,
    ADD COLUMN suspension_reason text;
COMMENT ON COLUMN accounts.suspended_at IS 'when it was suspended; null: it is not, or was reinstated';
COMMENT ON COLUMN accounts.suspended_until IS 'from when on it may sign in again; null: never';
COMMENT ON COLUMN accounts.suspended_by IS 'the account that did it; null: the operator';

-- Rows from before hold nulls alone, so that there is nothing to validate.
ALTER TABLE accounts ADD CONSTRAINT accounts_suspension CHECK (
    CASE WHEN suspended_at IS NULL
        THEN suspended_until IS NULL AND suspended_by IS NULL AND suspension_reason IS NULL
        ELSE coalesce(suspended_until > suspended_at, true)
            AND coalesce(char_length(suspension_reason) BETWEEN 1 AND 500, false)
    END
) NOT VALID;

-- down:
ALTER TABLE accounts
    DROP COLUMN suspended_at,
    DROP COLUMN suspended_until,
    DROP COLUMN suspended_by,
    DROP COLUMN suspension_reason;
