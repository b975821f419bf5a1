-- Which process has a job in its own hand, before the engine knows of it.
-- +goose Up
ALTER TABLE jobs ADD COLUMN held_by TEXT NOT NULL DEFAULT '';

-- +goose Down
ALTER TABLE jobs DROP COLUMN held_by;
