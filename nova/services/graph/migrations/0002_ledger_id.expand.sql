-- Who this ledger is: what is projected into an engine of its own names it, and no other is mixed with it.
CREATE TABLE ledger (
    only_one boolean PRIMARY KEY DEFAULT true CHECK (only_one),
    id       uuid    NOT NULL DEFAULT gen_random_uuid()
);
INSERT INTO ledger DEFAULT VALUES;

-- down:
DROP TABLE ledger;
