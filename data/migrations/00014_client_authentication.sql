-- Client assertions seen, by the SHA-256 of client and jti, and failed client
-- authentications of the present minute.
-- +goose Up
CREATE TABLE client_assertions (
    id         BYTEA  NOT NULL PRIMARY KEY,
    expires_at BIGINT NOT NULL
);
CREATE INDEX client_assertions_expiry ON client_assertions (expires_at);

CREATE TABLE client_failures (
    key      TEXT   NOT NULL,
    minute   BIGINT NOT NULL,
    failures BIGINT NOT NULL,
    PRIMARY KEY (key, minute)
);

-- +goose Down
DROP TABLE client_failures;
DROP TABLE client_assertions;
