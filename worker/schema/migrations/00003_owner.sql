-- Who may look into a job and stop it: the person who asked for it. And how much
-- of the disk it keeps from others.

-- +goose Up
ALTER TABLE jobs ADD COLUMN owner_id TEXT; -- a user's id; empty: the worker's own; NULL: of before, see args
ALTER TABLE jobs ADD COLUMN disk BIGINT NOT NULL DEFAULT 0; -- bytes of its files
CREATE INDEX jobs_on_disk ON jobs (owner_id) WHERE disk > 0;
CREATE INDEX jobs_without_owner ON jobs (id) WHERE owner_id IS NULL;

-- +goose Down
DROP INDEX jobs_without_owner;
DROP INDEX jobs_on_disk;
ALTER TABLE jobs DROP COLUMN disk;
ALTER TABLE jobs DROP COLUMN owner_id;
