-- Who closed a session, and the addresses that it was used from beside the one that it was
-- opened from.
-- +goose Up
ALTER TABLE sessions ADD COLUMN closed_by TEXT NOT NULL DEFAULT '';
CREATE TABLE session_addresses (
    session_id TEXT   NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    address    TEXT   NOT NULL,
    first_at   BIGINT NOT NULL,
    PRIMARY KEY (session_id, address)
);

-- +goose Down
DROP TABLE session_addresses;
ALTER TABLE sessions DROP COLUMN closed_by;
