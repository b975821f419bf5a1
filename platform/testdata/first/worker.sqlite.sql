CREATE TABLE worker_schema (
		id INTEGER PRIMARY KEY AUTOINCREMENT,
		version_id INTEGER NOT NULL,
		is_applied INTEGER NOT NULL,
		tstamp TIMESTAMP DEFAULT (datetime('now'))
	);
CREATE TABLE jobs (
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
    -- At most one job with a key is not final.
    active_key   TEXT,
    -- When a queued job may run, and when River was last told to run it.
    run_at        BIGINT  NOT NULL,
    dispatched_at BIGINT  NOT NULL,
    -- Failures in a row that are worth another try.
    failures     BIGINT  NOT NULL,
    cancelling   BOOLEAN NOT NULL,
    -- Which process runs it, and until when nobody else may.
    owner        TEXT    NOT NULL,
    lease_until  BIGINT  NOT NULL,
    -- Where an import goes on after a break; JSON, or empty.
    checkpoint   TEXT    NOT NULL,
    -- The file that it made, below the files' folder, and when that goes.
    file         TEXT    NOT NULL,
    file_expires_at BIGINT NOT NULL,
    version      BIGINT  NOT NULL
);
CREATE UNIQUE INDEX jobs_one_active ON jobs (active_key);
CREATE INDEX jobs_by_state ON jobs (state, run_at);
CREATE TABLE job_report (
    job_id   TEXT   NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    place    BIGINT NOT NULL,
    file     TEXT   NOT NULL,
    line     BIGINT NOT NULL,
    severity TEXT   NOT NULL,
    column_name TEXT NOT NULL,
    value    TEXT   NOT NULL,
    reason   TEXT   NOT NULL,
    PRIMARY KEY (job_id, place)
);
CREATE TABLE schedules (
    id        TEXT    NOT NULL PRIMARY KEY,
    name      TEXT    NOT NULL,
    kind      TEXT    NOT NULL,
    spec      TEXT    NOT NULL,
    time_zone TEXT    NOT NULL,
    paused    BOOLEAN NOT NULL,
    next_at   BIGINT  NOT NULL,
    last_at   BIGINT  NOT NULL,
    last_job  TEXT    NOT NULL
);
CREATE TABLE products (
    id          TEXT    NOT NULL PRIMARY KEY,
    part_number TEXT    NOT NULL,
    name        TEXT    NOT NULL,
    search_text TEXT    NOT NULL, -- part number and name, folded
    active      BOOLEAN NOT NULL,
    unit        TEXT    NOT NULL,
    changed_at  BIGINT  NOT NULL,
    seen_run    TEXT    NOT NULL  -- the last run that saw it
);
CREATE INDEX products_by_part_number ON products (part_number, id);
CREATE TABLE balances (
    product_id TEXT   NOT NULL,
    store      TEXT   NOT NULL,
    thousandths BIGINT NOT NULL,
    PRIMARY KEY (product_id, store)
);
CREATE TABLE watermarks (
    name      TEXT   NOT NULL PRIMARY KEY,
    at        BIGINT NOT NULL,
    full_at   BIGINT NOT NULL, -- the last pull of everything
    synced_at BIGINT NOT NULL
);
INSERT INTO worker_schema (version_id, is_applied) VALUES (0, 1);
INSERT INTO worker_schema (version_id, is_applied) VALUES (1, 1);
INSERT INTO jobs ("id", "kind", "state", "progress", "note", "result", "error", "requested_by", "args", "attempts", "created_at", "started_at", "finished_at", "active_key", "run_at", "dispatched_at", "failures", "cancelling", "owner", "lease_until", "checkpoint", "file", "file_expires_at", "version") VALUES ('x', 'import', 'queued', 1, 'x', '', 'x', 'x', '{"asker":"anna"}', 1, 1, 1, 0, 'x', 1, 1, 1, true, 'x', 1, '', '', 1, 1);
INSERT INTO job_report ("job_id", "place", "file", "line", "severity", "column_name", "value", "reason") VALUES ('x', 1, 'x', 1, 'x', 'x', 'x', 'x');
INSERT INTO schedules ("id", "name", "kind", "spec", "time_zone", "paused", "next_at", "last_at", "last_job") VALUES ('x', 'x', 'x', 'x', 'x', true, 1, 1, 'x');
INSERT INTO products ("id", "part_number", "name", "search_text", "active", "unit", "changed_at", "seen_run") VALUES ('x', 'x', 'x', 'x', true, 'x', 1, 'x');
INSERT INTO balances ("product_id", "store", "thousandths") VALUES ('x', 'x', 1);
INSERT INTO watermarks ("name", "at", "full_at", "synced_at") VALUES ('x', 1, 1, 1);
