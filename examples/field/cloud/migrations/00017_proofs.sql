-- The proofs of keys that requests came with (RFC 9449): each is good once, at whichever
-- replica, and after a restart.

-- +goose Up

CREATE TABLE proofs (
    id         TEXT   NOT NULL PRIMARY KEY, -- SHA-256, in hexadecimal digits
    good_until BIGINT NOT NULL
);
CREATE INDEX proofs_good_until ON proofs (good_until);
