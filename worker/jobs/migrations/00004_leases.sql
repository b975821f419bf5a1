-- Which worker does what one of them does for all.
-- +goose Up
CREATE TABLE job_leases (
    name       TEXT PRIMARY KEY,
    holder     TEXT NOT NULL,
    held_until BIGINT NOT NULL
);

-- +goose Down
DROP TABLE job_leases;
