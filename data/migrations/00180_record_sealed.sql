-- The Merkle tree over the record: its epochs, its tiles (of 256 hashes, the last of
-- each level of fewer), and its signed heads.
-- +goose Up
CREATE TABLE record_epochs (
    epoch    BIGINT  NOT NULL PRIMARY KEY,
    after_id TEXT    NOT NULL,
    verifier TEXT    NOT NULL,
    began_at BIGINT  NOT NULL,
    ended    BOOLEAN NOT NULL
);
CREATE TABLE record_tiles (
    epoch  BIGINT NOT NULL,
    level  BIGINT NOT NULL,
    n      BIGINT NOT NULL,
    hashes BYTEA  NOT NULL,
    PRIMARY KEY (epoch, level, n)
);
CREATE TABLE record_checkpoints (
    epoch   BIGINT  NOT NULL,
    seq     BIGINT  NOT NULL,
    size    BIGINT  NOT NULL,
    last_id TEXT    NOT NULL,
    at      BIGINT  NOT NULL,
    closed  BOOLEAN NOT NULL,
    note    TEXT    NOT NULL,
    PRIMARY KEY (epoch, seq)
);

-- +goose Down
DROP TABLE record_checkpoints;
DROP TABLE record_tiles;
DROP TABLE record_epochs;
