-- By which secret of its own a device may ask without a token whether it is to delete what
-- it has: its SHA-256, in hexadecimal digits; empty for none.

-- +goose Up

ALTER TABLE devices ADD COLUMN wish_key TEXT NOT NULL DEFAULT '';
