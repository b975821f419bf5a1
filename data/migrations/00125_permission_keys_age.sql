-- When a key was made: rows are given it when every replica knows it. Those that are
-- there were made long ago.
-- +goose Up
ALTER TABLE permission_keys ADD COLUMN created_at BIGINT NOT NULL DEFAULT 0;

-- +goose Down
ALTER TABLE permission_keys DROP COLUMN created_at;
