-- The time at which a schedule would have started its job had no worker been
-- started since; 0 while it has not been postponed.
-- +goose Up
ALTER TABLE schedules ADD COLUMN due_at BIGINT NOT NULL DEFAULT 0;

-- +goose Down
ALTER TABLE schedules DROP COLUMN due_at;
