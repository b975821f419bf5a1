-- What the engine of before left in PostgreSQL beside its tables.
-- +goose Up
DROP FUNCTION IF EXISTS river_job_state_in_bitmask;
DROP FUNCTION IF EXISTS river_job_notify;
DROP TYPE IF EXISTS river_job_state;

-- +goose Down
SELECT 1;
