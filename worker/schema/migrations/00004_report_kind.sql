-- What kind of problem a row of a report has: its reason without numbers and
-- what was written, so that a thousand alike are one line.

-- +goose Up
ALTER TABLE job_report ADD COLUMN kind TEXT NOT NULL DEFAULT '';

-- +goose Down
ALTER TABLE job_report DROP COLUMN kind;
