-- The tables of jobs, for any application that runs some. In the reference worker's
-- database they have been there since its first migrations, with the same columns.

-- +goose Up

-- What people see as jobs.
CREATE TABLE IF NOT EXISTS jobs (
    id           TEXT    NOT NULL PRIMARY KEY, -- grows with time
    kind         TEXT    NOT NULL,
    state        TEXT    NOT NULL,
    progress     BIGINT  NOT NULL,
    note         TEXT    NOT NULL,
    result       TEXT    NOT NULL, -- JSON, or empty
    error        TEXT    NOT NULL,
    requested_by TEXT    NOT NULL,
    args         TEXT    NOT NULL, -- JSON
    attempts     BIGINT  NOT NULL,
    created_at   BIGINT  NOT NULL,
    started_at   BIGINT  NOT NULL,
    finished_at  BIGINT  NOT NULL,
    active_key   TEXT,             -- at most one job with a key is not final
    run_at       BIGINT  NOT NULL, -- when a queued job may run
    failures     BIGINT  NOT NULL, -- in a row, that are worth another try
    cancelling   BOOLEAN NOT NULL,
    checkpoint   TEXT    NOT NULL, -- where it goes on after a break; JSON, or empty
    file         TEXT    NOT NULL, -- that it made, below the files' folder
    file_expires_at BIGINT NOT NULL,
    version      BIGINT  NOT NULL,
    owner_id     TEXT,             -- a user's id; empty: the worker's own; NULL: of before, see args
    disk         BIGINT  NOT NULL DEFAULT 0 -- bytes of its files
);
CREATE UNIQUE INDEX IF NOT EXISTS jobs_one_active ON jobs (active_key);
CREATE INDEX IF NOT EXISTS jobs_by_state ON jobs (state, run_at);
CREATE INDEX IF NOT EXISTS jobs_on_disk ON jobs (owner_id) WHERE disk > 0;
CREATE INDEX IF NOT EXISTS jobs_without_owner ON jobs (id) WHERE owner_id IS NULL;
CREATE INDEX IF NOT EXISTS jobs_with_file ON jobs (file_expires_at) WHERE file <> '';

-- What was wrong with the rows that a job was given.
CREATE TABLE IF NOT EXISTS job_report (
    job_id   TEXT   NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    place    BIGINT NOT NULL,
    file     TEXT   NOT NULL,
    line     BIGINT NOT NULL,
    severity TEXT   NOT NULL,
    column_name TEXT NOT NULL,
    value    TEXT   NOT NULL,
    reason   TEXT   NOT NULL,
    kind     TEXT   NOT NULL DEFAULT '',
    PRIMARY KEY (job_id, place)
);

CREATE TABLE IF NOT EXISTS schedules (
    id        TEXT    NOT NULL PRIMARY KEY,
    name      TEXT    NOT NULL,
    kind      TEXT    NOT NULL,
    spec      TEXT    NOT NULL,
    time_zone TEXT    NOT NULL,
    paused    BOOLEAN NOT NULL,
    next_at   BIGINT  NOT NULL,
    last_at   BIGINT  NOT NULL,
    last_job  TEXT    NOT NULL,
    due_at    BIGINT  NOT NULL DEFAULT 0
);

-- +goose Down
SELECT 1;
