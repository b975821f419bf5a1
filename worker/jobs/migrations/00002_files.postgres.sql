-- The files of jobs, in pieces, so that each process of the database has them, on
-- whatever machine it is. On SQLite they are in a folder that processes share.

-- +goose Up
CREATE TABLE IF NOT EXISTS job_files (
    job_id     TEXT   NOT NULL, -- the job may come later
    part       TEXT   NOT NULL, -- upload: what it was given; export: what it made
    name       TEXT   NOT NULL,
    place      BIGINT NOT NULL, -- the first piece is 0, all but the last have the same size
    created_at BIGINT NOT NULL,
    content    BYTEA  NOT NULL,
    PRIMARY KEY (job_id, part, name, place)
);

-- +goose Down
SELECT 1;
