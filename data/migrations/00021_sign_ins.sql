-- Identity sessions: a person signed in with a browser. id is the claim sid;
-- what the browser holds is kept as its SHA-256 only.
-- +goose Up
CREATE TABLE sign_ins (
    id           TEXT    NOT NULL PRIMARY KEY,
    cookie_hash  BYTEA   NOT NULL UNIQUE,
    user_id      TEXT    NOT NULL REFERENCES users (id),
    auth_time    BIGINT  NOT NULL,
    amr          TEXT    NOT NULL,
    keep         BOOLEAN NOT NULL,
    created_at   BIGINT  NOT NULL,
    last_seen_at BIGINT  NOT NULL,
    expires_at   BIGINT  NOT NULL,
    ended_at     BIGINT  NOT NULL
);
CREATE INDEX sign_ins_live ON sign_ins (user_id) WHERE ended_at = 0;
CREATE INDEX sign_ins_expiry ON sign_ins (expires_at);

-- Failed sign-ins, counted for all replicas together. The key is a hash of
-- whom they are counted against.
CREATE TABLE sign_in_attempts (
    key           TEXT   NOT NULL PRIMARY KEY,
    failures      BIGINT NOT NULL,
    last_at       BIGINT NOT NULL,
    blocked_until BIGINT NOT NULL
);
CREATE INDEX sign_in_attempts_age ON sign_in_attempts (last_at);

-- +goose Down
DROP TABLE sign_in_attempts;
DROP TABLE sign_ins;
