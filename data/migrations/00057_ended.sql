-- What has ended must not come back with an old row. revoked_tokens keeps the ids
-- of access tokens that are refused until they expire, of grants whose access
-- tokens are (until expires_at), and of grants, sign-ins and codes that are over:
-- those are kept until kept_until, when their rows would be of no use any more.
-- +goose Up
ALTER TABLE revoked_tokens ADD COLUMN kept_until BIGINT NOT NULL DEFAULT 0;
UPDATE revoked_tokens SET kept_until = expires_at;
CREATE INDEX revoked_tokens_kept ON revoked_tokens (kept_until);

-- A grant is what one code gave: its access tokens name it, and a refresh family
-- has its id.
ALTER TABLE authorization_codes ADD COLUMN grant_id TEXT NOT NULL DEFAULT '';
UPDATE authorization_codes SET grant_id = CASE WHEN family_id <> '' THEN family_id ELSE token_id END;
ALTER TABLE authorization_codes DROP COLUMN family_id;
ALTER TABLE authorization_codes DROP COLUMN token_id;
ALTER TABLE authorization_codes DROP COLUMN token_expires_at;
ALTER TABLE refresh_families DROP COLUMN token_id;
ALTER TABLE refresh_families DROP COLUMN token_expires_at;

-- +goose Down
ALTER TABLE refresh_families ADD COLUMN token_expires_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE refresh_families ADD COLUMN token_id TEXT NOT NULL DEFAULT '';
ALTER TABLE authorization_codes ADD COLUMN token_expires_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE authorization_codes ADD COLUMN token_id TEXT NOT NULL DEFAULT '';
ALTER TABLE authorization_codes ADD COLUMN family_id TEXT NOT NULL DEFAULT '';
ALTER TABLE authorization_codes DROP COLUMN grant_id;
DROP INDEX revoked_tokens_kept;
ALTER TABLE revoked_tokens DROP COLUMN kept_until;
