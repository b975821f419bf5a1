-- The public parts of all keys that the instance has signed with, sealed, so that an old
-- token is known for what it is after its key was deleted. They verify nothing else.
-- +goose Up
CREATE TABLE published_keys (
    id           TEXT   NOT NULL PRIMARY KEY,
    key_use      TEXT   NOT NULL,
    sealed       BYTEA  NOT NULL,
    published_at BIGINT NOT NULL
);

-- +goose Down
DROP TABLE published_keys;
