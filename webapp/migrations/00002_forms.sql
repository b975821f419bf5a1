-- Forms that came when their people were not signed in any more, sealed, and the
-- forms that were acted on, so that one that comes twice is acted on once.
-- +goose Up
CREATE TABLE webapp_forms (
    key        BYTEA  NOT NULL PRIMARY KEY,
    user_id    TEXT   NOT NULL,
    sealed     BYTEA  NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX webapp_forms_user ON webapp_forms (user_id, expires_at);
CREATE INDEX webapp_forms_expiry ON webapp_forms (expires_at);

-- location is where the form led; empty while it is worked on.
CREATE TABLE webapp_requests (
    key        BYTEA  NOT NULL PRIMARY KEY,
    location   TEXT   NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX webapp_requests_expiry ON webapp_requests (expires_at);

-- +goose Down
DROP TABLE webapp_requests;
DROP TABLE webapp_forms;
