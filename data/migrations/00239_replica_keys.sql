-- The age at which a replica replaces signing keys; zero where it does not say.
-- +goose Up
ALTER TABLE replicas ADD COLUMN rotate_keys BIGINT NOT NULL DEFAULT 0;

-- +goose Down
ALTER TABLE replicas DROP COLUMN rotate_keys;
