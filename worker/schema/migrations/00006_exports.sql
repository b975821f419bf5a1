-- Exports that have expired are looked for every minute, and only among those
-- that there are.
-- +goose Up
CREATE INDEX jobs_with_file ON jobs (file_expires_at) WHERE file <> '';

-- +goose Down
DROP INDEX jobs_with_file;
