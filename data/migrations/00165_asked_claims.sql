-- The claims that an application asked for by their names (OpenID Connect Core
-- section 5.5), for as long as the code or the grant lives.
-- +goose Up
ALTER TABLE authorization_codes ADD COLUMN claims TEXT NOT NULL DEFAULT '';
ALTER TABLE refresh_families ADD COLUMN claims TEXT NOT NULL DEFAULT '';

-- +goose Down
ALTER TABLE refresh_families DROP COLUMN claims;
ALTER TABLE authorization_codes DROP COLUMN claims;
