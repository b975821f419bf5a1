-- The list of all sessions, the newest first, is read in pages.
-- +goose Up
CREATE INDEX sessions_opened ON sessions (opened_at, id);

-- +goose Down
DROP INDEX sessions_opened;
