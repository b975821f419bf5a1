-- What several web apps of one database agree on: who of them renews a session's
-- tokens, and that all have the same key.
-- +goose Up
ALTER TABLE webapp_sessions ADD COLUMN renewing_until BIGINT NOT NULL DEFAULT 0;

-- A text that every web app of this database can open.
CREATE TABLE webapp_key (
    id     BIGINT NOT NULL PRIMARY KEY,
    sealed BYTEA  NOT NULL
);

-- +goose Down
DROP TABLE webapp_key;
ALTER TABLE webapp_sessions DROP COLUMN renewing_until;
