-- The keys that codes and refresh families are bound to (RFC 9449), by their
-- thumbprints; empty for none.
-- +goose Up
ALTER TABLE authorization_codes ADD COLUMN key_thumbprint TEXT NOT NULL DEFAULT '';
ALTER TABLE refresh_families ADD COLUMN key_thumbprint TEXT NOT NULL DEFAULT '';

-- +goose Down
ALTER TABLE refresh_families DROP COLUMN key_thumbprint;
ALTER TABLE authorization_codes DROP COLUMN key_thumbprint;
