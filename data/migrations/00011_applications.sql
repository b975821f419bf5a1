-- Trusted Applications. A deleted one stays as a tombstone, so that replicas
-- learn of it; its ApplicationURI is free again. Lists of URIs have one a line.
-- +goose Up
CREATE TABLE applications (
    id                        TEXT    NOT NULL PRIMARY KEY,
    application_uri           TEXT    NOT NULL,
    name                      TEXT    NOT NULL,
    is_enabled                BOOLEAN NOT NULL,
    client_type               TEXT    NOT NULL,
    internal_users            BOOLEAN NOT NULL,
    external_users            BOOLEAN NOT NULL,
    redirect_uris             TEXT    NOT NULL,
    post_logout_redirect_uris TEXT    NOT NULL,
    backchannel_logout_uri    TEXT    NOT NULL,
    system_user_allowed       BOOLEAN NOT NULL,
    system_user_id            TEXT    NOT NULL,
    scope                     TEXT    NOT NULL,
    user_scope                TEXT,
    service_scope             TEXT,
    access_tokens             TEXT    NOT NULL,
    device_flow               BOOLEAN NOT NULL,
    first_party               BOOLEAN NOT NULL,
    secret_hash               TEXT    NOT NULL,
    basic_authentication      BOOLEAN NOT NULL,
    notes                     TEXT    NOT NULL,
    created_at                BIGINT  NOT NULL,
    changed_at                BIGINT  NOT NULL,
    deleted_at                BIGINT  NOT NULL,
    version                   BIGINT  NOT NULL
);
CREATE UNIQUE INDEX applications_uri ON applications (application_uri) WHERE deleted_at = 0;
CREATE INDEX applications_changed ON applications (changed_at);

-- Each works for one flow only. Of a secret there is its SHA-256.
CREATE TABLE credentials (
    id             TEXT   NOT NULL PRIMARY KEY,
    application_id TEXT   NOT NULL REFERENCES applications (id),
    kind           TEXT   NOT NULL,
    flow           TEXT   NOT NULL,
    secret_hash    BYTEA  NOT NULL,
    public_key     TEXT   NOT NULL,
    created_at     BIGINT NOT NULL,
    not_before     BIGINT NOT NULL,
    expires_at     BIGINT NOT NULL,
    last_used_at   BIGINT NOT NULL
);
CREATE INDEX credentials_application ON credentials (application_id);

-- +goose Down
DROP TABLE credentials;
DROP TABLE applications;
