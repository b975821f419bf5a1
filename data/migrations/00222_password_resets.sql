-- One-time links for people who forgot their password, and passwords that their person
-- has to change at the next sign-in.
-- +goose Up
ALTER TABLE users ADD COLUMN password_must_change BOOLEAN NOT NULL DEFAULT FALSE;
CREATE TABLE password_resets (
    hash       BYTEA  NOT NULL PRIMARY KEY,
    user_id    TEXT   NOT NULL,
    -- when the password was set that the link is to replace
    replaces   BIGINT NOT NULL,
    created_by TEXT   NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX password_resets_user ON password_resets (user_id);
CREATE INDEX password_resets_expired ON password_resets (expires_at);

-- +goose Down
DROP TABLE password_resets;
ALTER TABLE users DROP COLUMN password_must_change;
