-- Logins keep their case and are compared without it; so far they had none. The
-- pool of names is compared without case, too, where several applications may
-- hold a name: their ApplicationURIs differ by case. All are ASCII.
-- +goose Up
ALTER TABLE users ADD COLUMN login_key TEXT NOT NULL DEFAULT '';
UPDATE users SET login_key = login;
CREATE UNIQUE INDEX users_by_login_key ON users (login_key);

ALTER TABLE principal_names ADD COLUMN holders BIGINT NOT NULL DEFAULT 1;
INSERT INTO principal_names (name, kind, holders)
    SELECT lower(name COLLATE "C"), kind, COUNT(*) FROM principal_names WHERE kind = 'application' AND name <> lower(name COLLATE "C") GROUP BY lower(name COLLATE "C"), kind
    ON CONFLICT (name) DO UPDATE SET holders = principal_names.holders + excluded.holders WHERE principal_names.kind = excluded.kind;
DELETE FROM principal_names WHERE kind = 'application' AND name <> lower(name COLLATE "C");

-- +goose Down
DELETE FROM principal_names WHERE kind = 'application';
INSERT INTO principal_names (name, kind) SELECT application_uri, 'application' FROM applications WHERE deleted_at = 0;
ALTER TABLE principal_names DROP COLUMN holders;
DROP INDEX users_by_login_key;
ALTER TABLE users DROP COLUMN login_key;
