-- OpenID providers of others that people may sign in through: their registrations, and
-- which of their subjects is which user. A client secret is sealed with a key of the
-- instance's, bound to its row.
-- +goose Up
CREATE TABLE outside_providers (
    id             TEXT    NOT NULL PRIMARY KEY,
    name           TEXT    NOT NULL,
    issuer         TEXT    NOT NULL,
    client_id      TEXT    NOT NULL,
    secret         BYTEA   NOT NULL,
    secret_set_at  BIGINT  NOT NULL,
    scope          TEXT    NOT NULL,
    tenant_claim   TEXT    NOT NULL,
    tenants        TEXT    NOT NULL,
    allow_internal BOOLEAN NOT NULL,
    allow_external BOOLEAN NOT NULL,
    by_email       BOOLEAN NOT NULL,
    domains        TEXT    NOT NULL,
    trust_mfa      BOOLEAN NOT NULL,
    enabled        BOOLEAN NOT NULL,
    created_at     BIGINT  NOT NULL,
    changed_at     BIGINT  NOT NULL,
    created_by     TEXT    NOT NULL,
    version        BIGINT  NOT NULL
);
CREATE TABLE outside_links (
    provider_id  TEXT   NOT NULL,
    issuer       TEXT   NOT NULL,
    subject      TEXT   NOT NULL,
    user_id      TEXT   NOT NULL,
    email        TEXT   NOT NULL,
    created_at   BIGINT NOT NULL,
    created_by   TEXT   NOT NULL,
    last_used_at BIGINT NOT NULL,
    PRIMARY KEY (provider_id, issuer, subject)
);
CREATE INDEX outside_links_user ON outside_links (user_id);

-- +goose Down
DROP TABLE outside_links;
DROP TABLE outside_providers;
