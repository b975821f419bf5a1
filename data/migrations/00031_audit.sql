-- The append-only record. Its one index is the time-ordered id.
-- +goose Up
CREATE TABLE audit_events (
    id              TEXT   NOT NULL PRIMARY KEY,
    at              BIGINT NOT NULL,
    kind            TEXT   NOT NULL,
    application_uri TEXT   NOT NULL,
    actor           TEXT   NOT NULL,
    flow            TEXT   NOT NULL,
    session_id      TEXT   NOT NULL,
    sign_in_id      TEXT   NOT NULL,
    token_id        TEXT   NOT NULL,
    remote_addr     TEXT   NOT NULL,
    detail          TEXT   NOT NULL
);

-- +goose Down
DROP TABLE audit_events;
