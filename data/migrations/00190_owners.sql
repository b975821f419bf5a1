-- Who made what, and who answers for it. What is older says nothing of it.
-- +goose Up
ALTER TABLE applications ADD COLUMN owner TEXT NOT NULL DEFAULT '';
ALTER TABLE applications ADD COLUMN source TEXT NOT NULL DEFAULT '';
ALTER TABLE applications ADD COLUMN created_by TEXT NOT NULL DEFAULT '';
CREATE INDEX applications_deleted ON applications (deleted_at) WHERE deleted_at <> 0 AND name <> '';
ALTER TABLE users ADD COLUMN created_by TEXT NOT NULL DEFAULT '';
ALTER TABLE users ADD COLUMN password_origin TEXT NOT NULL DEFAULT '';
ALTER TABLE users ADD COLUMN last_sign_in_at BIGINT NOT NULL DEFAULT 0;
UPDATE users SET last_sign_in_at = COALESCE((SELECT MAX(auth_time) FROM sign_ins WHERE user_id = users.id), 0);

-- +goose Down
ALTER TABLE users DROP COLUMN last_sign_in_at;
ALTER TABLE users DROP COLUMN password_origin;
ALTER TABLE users DROP COLUMN created_by;
DROP INDEX applications_deleted;
ALTER TABLE applications DROP COLUMN created_by;
ALTER TABLE applications DROP COLUMN source;
ALTER TABLE applications DROP COLUMN owner;
