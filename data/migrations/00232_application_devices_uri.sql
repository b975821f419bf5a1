-- The page of an application where people see the devices that keep data for it.
-- +goose Up
ALTER TABLE applications ADD COLUMN devices_uri TEXT NOT NULL DEFAULT '';

-- +goose Down
ALTER TABLE applications DROP COLUMN devices_uri;
