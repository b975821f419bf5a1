-- What audits found, what of it is accepted, when they ran, how each replica runs, and
-- what is still to be told to others.
-- +goose Up
CREATE TABLE findings (
    fingerprint TEXT   NOT NULL PRIMARY KEY,
    rule        TEXT   NOT NULL,
    severity    TEXT   NOT NULL,
    kind        TEXT   NOT NULL,
    subject     TEXT   NOT NULL,
    accepted    BOOLEAN NOT NULL,
    first_seen  BIGINT NOT NULL,
    last_seen   BIGINT NOT NULL,
    closed_at   BIGINT NOT NULL
);
CREATE INDEX findings_closed ON findings (closed_at);
CREATE TABLE acceptances (
    finding     TEXT   NOT NULL PRIMARY KEY,
    rule        TEXT   NOT NULL,
    kind        TEXT   NOT NULL,
    subject     TEXT   NOT NULL,
    severity    TEXT   NOT NULL,
    accepted_by TEXT   NOT NULL,
    reason      TEXT   NOT NULL,
    accepted_at BIGINT NOT NULL,
    until_at    BIGINT NOT NULL
);
CREATE TABLE audit_runs (
    id       TEXT    NOT NULL PRIMARY KEY,
    at       BIGINT  NOT NULL,
    whole    BOOLEAN NOT NULL,
    rules    BIGINT  NOT NULL,
    findings BIGINT  NOT NULL,
    took     BIGINT  NOT NULL
);
CREATE INDEX audit_runs_at ON audit_runs (at);
CREATE TABLE replicas (
    name          TEXT    NOT NULL PRIMARY KEY,
    url           TEXT    NOT NULL,
    version       TEXT    NOT NULL,
    licence       TEXT    NOT NULL,
    own_ca        BOOLEAN NOT NULL,
    open_metrics  BOOLEAN NOT NULL,
    skew          BIGINT  NOT NULL,
    seen_at       BIGINT  NOT NULL
);
CREATE INDEX replicas_seen ON replicas (seen_at);
CREATE TABLE deliveries (
    id         TEXT   NOT NULL PRIMARY KEY,
    kind       TEXT   NOT NULL,
    body       TEXT   NOT NULL,
    state      TEXT   NOT NULL,
    tries      BIGINT NOT NULL,
    last_error TEXT   NOT NULL,
    created_at BIGINT NOT NULL,
    next_at    BIGINT NOT NULL
);
CREATE INDEX deliveries_due ON deliveries (state, next_at);
CREATE INDEX deliveries_created ON deliveries (created_at);

-- +goose Down
DROP TABLE deliveries;
DROP TABLE replicas;
DROP TABLE audit_runs;
DROP TABLE acceptances;
DROP TABLE findings;
