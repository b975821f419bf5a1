-- What has served is found by an index, and not by reading all that has not.
-- +goose Up
CREATE INDEX sessions_ended_at ON sessions (ended_at) WHERE ended_at <> 0;
CREATE INDEX sign_ins_ended_at ON sign_ins (ended_at) WHERE ended_at <> 0;
CREATE INDEX client_failures_minute ON client_failures (minute);

-- +goose Down
DROP INDEX client_failures_minute;
DROP INDEX sign_ins_ended_at;
DROP INDEX sessions_ended_at;
