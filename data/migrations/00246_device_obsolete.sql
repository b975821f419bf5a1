-- Whether the device asked for a scope of before, too, which gives nothing: the record says so
-- when a person has decided.
-- +goose Up
ALTER TABLE device_codes ADD COLUMN obsolete BOOLEAN NOT NULL DEFAULT FALSE;

-- +goose Down
ALTER TABLE device_codes DROP COLUMN obsolete;
