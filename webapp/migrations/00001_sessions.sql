-- The web app's sessions. The key is the SHA-256 of what the browser holds; the
-- sealed text holds identity and tokens, under a key that is not in here.
-- +goose Up
CREATE TABLE webapp_sessions (
    key        BYTEA  NOT NULL PRIMARY KEY,
    sealed     BYTEA  NOT NULL,
    version    BIGINT NOT NULL,
    user_id    TEXT   NOT NULL,
    sign_in_id TEXT   NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX webapp_sessions_sign_in ON webapp_sessions (sign_in_id);
CREATE INDEX webapp_sessions_expiry ON webapp_sessions (expires_at, user_id);

-- +goose Down
DROP TABLE webapp_sessions;
