-- Reference tokens (PAT, SAT): the SHA-256 of each, as whom it acts and for which
-- application, and how it is used. What ends one, or lets it end earlier, counts
-- 'reference_tokens' up in its own transaction and writes the number to the row, so
-- that replicas follow.
-- +goose Up
INSERT INTO change_counters (name, last) VALUES ('reference_tokens', 1);
CREATE TABLE reference_tokens (
    id              TEXT   NOT NULL PRIMARY KEY,
    hash            BYTEA  NOT NULL UNIQUE,
    kind            TEXT   NOT NULL,
    application_id  TEXT   NOT NULL,
    application_uri TEXT   NOT NULL,
    user_id         TEXT   NOT NULL,
    name            TEXT   NOT NULL,
    scope           TEXT   NOT NULL,
    created_at      BIGINT NOT NULL,
    expires_at      BIGINT NOT NULL,
    created_by      TEXT   NOT NULL,
    created_from    TEXT   NOT NULL,
    last_used_at    BIGINT NOT NULL,
    last_used_from  TEXT   NOT NULL,
    calls           BIGINT NOT NULL,
    revoked_at      BIGINT NOT NULL,
    revoked_by      TEXT   NOT NULL,
    successor_of    TEXT   NOT NULL,
    change          BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX reference_tokens_application ON reference_tokens (application_id);
CREATE INDEX reference_tokens_user ON reference_tokens (user_id);
CREATE INDEX reference_tokens_expires ON reference_tokens (expires_at);
CREATE INDEX reference_tokens_change ON reference_tokens (change) WHERE change > 0;

-- The networks that each was used from lately.
CREATE TABLE reference_token_places (
    token_id TEXT   NOT NULL,
    network  TEXT   NOT NULL,
    last_at  BIGINT NOT NULL,
    PRIMARY KEY (token_id, network)
);
CREATE INDEX reference_token_places_last ON reference_token_places (last_at);

-- +goose Down
DROP TABLE reference_token_places;
DROP TABLE reference_tokens;
DELETE FROM change_counters WHERE name = 'reference_tokens';
