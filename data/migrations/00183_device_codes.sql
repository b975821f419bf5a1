-- The device flow (RFC 8628): what devices wait for a person to decide. Device codes are
-- kept as their SHA-256; user codes, which are short, as their HMAC with a key of the
-- instance's.
-- +goose Up
CREATE TABLE device_codes (
    hash            BYTEA   NOT NULL PRIMARY KEY,
    user_hash       BYTEA   NOT NULL UNIQUE,
    application_uri TEXT    NOT NULL,
    scope           TEXT    NOT NULL,
    created_at      BIGINT  NOT NULL,
    expires_at      BIGINT  NOT NULL,
    polled_at       BIGINT  NOT NULL,
    wait            BIGINT  NOT NULL,
    decided_at      BIGINT  NOT NULL,
    approved        BOOLEAN NOT NULL
);
CREATE INDEX device_codes_expires ON device_codes (expires_at);

-- +goose Down
DROP TABLE device_codes;
