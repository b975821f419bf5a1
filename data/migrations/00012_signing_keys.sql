-- Signing keys, sealed. Of replicas that make the next key at the same moment
-- the generation lets one win. The public part is in the sealed text only.
-- +goose Up
CREATE TABLE signing_keys (
    id          TEXT   NOT NULL PRIMARY KEY,
    key_use     TEXT   NOT NULL,
    generation  BIGINT NOT NULL,
    sealed      BYTEA  NOT NULL,
    created_at  BIGINT NOT NULL,
    activate_at BIGINT NOT NULL,
    UNIQUE (key_use, generation)
);

-- +goose Down
DROP TABLE signing_keys;
