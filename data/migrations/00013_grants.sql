-- What a sign-in gave an application: the authorization code, the chain of
-- refresh tokens that came of it, and access tokens taken back.
-- +goose Up
CREATE TABLE refresh_families (
    id               TEXT   NOT NULL PRIMARY KEY,
    application_uri  TEXT   NOT NULL,
    user_id          TEXT   NOT NULL,
    user_type        TEXT   NOT NULL,
    sign_in_id       TEXT   NOT NULL,
    auth_time        BIGINT NOT NULL,
    scope            TEXT   NOT NULL,
    secret           BYTEA  NOT NULL,
    created_at       BIGINT NOT NULL,
    expires_at       BIGINT NOT NULL,
    generation       BIGINT NOT NULL,
    rotated_at       BIGINT NOT NULL,
    token_id         TEXT   NOT NULL,
    token_expires_at BIGINT NOT NULL,
    ended_at         BIGINT NOT NULL,
    end_reason       TEXT   NOT NULL
);
CREATE INDEX refresh_families_sign_in ON refresh_families (sign_in_id) WHERE ended_at = 0;
CREATE INDEX refresh_families_user ON refresh_families (user_id) WHERE ended_at = 0;
CREATE INDEX refresh_families_expiry ON refresh_families (expires_at);

-- used_at is 0 until somebody redeems the code; family_id and token_id are
-- what that gave.
CREATE TABLE authorization_codes (
    hash             BYTEA  NOT NULL PRIMARY KEY,
    application_uri  TEXT   NOT NULL,
    user_id          TEXT   NOT NULL,
    sign_in_id       TEXT   NOT NULL,
    auth_time        BIGINT NOT NULL,
    redirect_uri     TEXT   NOT NULL,
    scope            TEXT   NOT NULL,
    nonce            TEXT   NOT NULL,
    code_challenge   TEXT   NOT NULL,
    issued_at        BIGINT NOT NULL,
    expires_at       BIGINT NOT NULL,
    used_at          BIGINT NOT NULL,
    family_id        TEXT   NOT NULL,
    token_id         TEXT   NOT NULL,
    token_expires_at BIGINT NOT NULL
);
CREATE INDEX authorization_codes_issued ON authorization_codes (issued_at);
CREATE INDEX authorization_codes_unused ON authorization_codes (sign_in_id) WHERE used_at = 0;

-- Access tokens that must not be accepted although they have not expired.
CREATE TABLE revoked_tokens (
    token_id   TEXT   NOT NULL PRIMARY KEY,
    revoked_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX revoked_tokens_time ON revoked_tokens (revoked_at);

-- +goose Down
DROP TABLE revoked_tokens;
DROP TABLE authorization_codes;
DROP TABLE refresh_families;
