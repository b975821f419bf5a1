-- A credential that is revoked stays for as long as somebody may ask what it did: by
-- whom it was made and ended, which one it followed, and from where it was last used.
-- +goose Up
ALTER TABLE credentials ADD COLUMN name TEXT NOT NULL DEFAULT '';
ALTER TABLE credentials ADD COLUMN created_by TEXT NOT NULL DEFAULT '';
ALTER TABLE credentials ADD COLUMN last_used_from TEXT NOT NULL DEFAULT '';
ALTER TABLE credentials ADD COLUMN revoked_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE credentials ADD COLUMN revoked_by TEXT NOT NULL DEFAULT '';
ALTER TABLE credentials ADD COLUMN successor_of TEXT NOT NULL DEFAULT '';
CREATE INDEX credentials_revoked ON credentials (revoked_at) WHERE revoked_at <> 0;

-- When the one secret of both flows was last used. It is apart from the application,
-- which nobody needs to read again for it.
CREATE TABLE classic_secret_uses (
    application_id TEXT   NOT NULL PRIMARY KEY REFERENCES applications (id),
    last_used_at   BIGINT NOT NULL,
    last_used_from TEXT   NOT NULL
);

-- +goose Down
DROP TABLE classic_secret_uses;
DELETE FROM credentials WHERE revoked_at <> 0;
DROP INDEX credentials_revoked;
ALTER TABLE credentials DROP COLUMN successor_of;
ALTER TABLE credentials DROP COLUMN revoked_by;
ALTER TABLE credentials DROP COLUMN revoked_at;
ALTER TABLE credentials DROP COLUMN last_used_from;
ALTER TABLE credentials DROP COLUMN created_by;
ALTER TABLE credentials DROP COLUMN name;
