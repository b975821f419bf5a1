-- Counts how often open sessions got other slots, because of another licence: what
-- a replica knows of the slots is then worth nothing.
-- +goose Up
ALTER TABLE licence ADD COLUMN moves BIGINT NOT NULL DEFAULT 0;

-- +goose Down
ALTER TABLE licence DROP COLUMN moves;
