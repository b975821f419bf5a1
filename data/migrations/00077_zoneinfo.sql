-- The time zone of a person, an IANA name; empty where nobody has said.
-- +goose Up
ALTER TABLE users ADD COLUMN zoneinfo TEXT NOT NULL DEFAULT '';

-- +goose Down
ALTER TABLE users DROP COLUMN zoneinfo;
