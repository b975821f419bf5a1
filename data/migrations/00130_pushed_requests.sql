-- Authorization requests that applications push (RFC 9126): sealed, by the hash of
-- their request_uri.
-- +goose Up
CREATE TABLE pushed_requests (
    hash            BYTEA  NOT NULL PRIMARY KEY,
    application_uri TEXT   NOT NULL,
    request         TEXT   NOT NULL,
    expires_at      BIGINT NOT NULL,
    used_at         BIGINT NOT NULL
);
CREATE INDEX pushed_requests_expires ON pushed_requests (expires_at);

-- +goose Down
DROP TABLE pushed_requests;
