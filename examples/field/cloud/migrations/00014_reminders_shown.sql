-- What people were told, for those whom it tells: read_at is 0 until they have read it.

-- +goose Up

CREATE TABLE reminders_shown (
    user_id  TEXT   NOT NULL,
    name     TEXT   NOT NULL, -- the reminder's
    content  TEXT   NOT NULL, -- JSON
    given_at BIGINT NOT NULL,
    read_at  BIGINT NOT NULL,
    PRIMARY KEY (user_id, name)
);
CREATE INDEX reminders_shown_given ON reminders_shown (given_at);
