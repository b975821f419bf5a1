-- The engine of the jobs is another one: it keeps which process has a job by
-- itself, and what River kept goes. Jobs of before go on.

-- +goose Up
UPDATE jobs SET note = 'the worker stopped; the job goes on', state = 'queued', run_at = 0, version = version + 1 WHERE state = 'running';
ALTER TABLE jobs DROP COLUMN dispatched_at;
ALTER TABLE jobs DROP COLUMN owner;
ALTER TABLE jobs DROP COLUMN lease_until;
DROP TABLE IF EXISTS river_notification;
DROP TABLE IF EXISTS river_client_queue;
DROP TABLE IF EXISTS river_client;
DROP TABLE IF EXISTS river_queue;
DROP TABLE IF EXISTS river_leader;
DROP TABLE IF EXISTS river_job;
DROP TABLE IF EXISTS river_migration;

-- +goose Down
ALTER TABLE jobs ADD COLUMN dispatched_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE jobs ADD COLUMN owner TEXT NOT NULL DEFAULT '';
ALTER TABLE jobs ADD COLUMN lease_until BIGINT NOT NULL DEFAULT 0;
