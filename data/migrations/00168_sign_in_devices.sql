-- Where a sign-in was made and last used, with which browser, and which applications it
-- has reached.
-- +goose Up
ALTER TABLE sign_ins ADD COLUMN created_from TEXT NOT NULL DEFAULT '';
ALTER TABLE sign_ins ADD COLUMN last_seen_from TEXT NOT NULL DEFAULT '';
ALTER TABLE sign_ins ADD COLUMN user_agent TEXT NOT NULL DEFAULT '';
CREATE TABLE sign_in_apps (
    sign_in_id     TEXT   NOT NULL REFERENCES sign_ins (id) ON DELETE CASCADE,
    application_id TEXT   NOT NULL,
    first_at       BIGINT NOT NULL,
    last_at        BIGINT NOT NULL,
    PRIMARY KEY (sign_in_id, application_id)
);

-- +goose Down
DROP TABLE sign_in_apps;
ALTER TABLE sign_ins DROP COLUMN user_agent;
ALTER TABLE sign_ins DROP COLUMN last_seen_from;
ALTER TABLE sign_ins DROP COLUMN created_from;
