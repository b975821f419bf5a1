-- When a reference token was used last for a call that needs the scope update.
-- +goose Up
ALTER TABLE reference_tokens ADD COLUMN last_written_at BIGINT NOT NULL DEFAULT 0;

-- +goose Down
ALTER TABLE reference_tokens DROP COLUMN last_written_at;
