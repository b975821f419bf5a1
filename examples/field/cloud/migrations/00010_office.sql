-- What the office gets: reminders that were given, and reports of days.

-- +goose Up

-- Which Person an account was when it was last here, and the language of its phone.
CREATE TABLE people (
    user_id  TEXT   NOT NULL PRIMARY KEY,
    person   TEXT   NOT NULL,
    language TEXT   NOT NULL,
    seen_at  BIGINT NOT NULL
);
CREATE INDEX people_by_person ON people (person, seen_at);

-- Reminders that were given, or that nobody can be given.
CREATE TABLE reminders (
    name     TEXT   NOT NULL PRIMARY KEY,
    given_at BIGINT NOT NULL
);
CREATE INDEX reminders_given ON reminders (given_at);

CREATE TABLE reports (
    day          TEXT   NOT NULL PRIMARY KEY, -- 2006-01-02
    made_at      BIGINT NOT NULL,
    requested_by TEXT   NOT NULL,
    visits       BIGINT NOT NULL,
    done         BIGINT NOT NULL,
    refused      BIGINT NOT NULL,
    content      TEXT   NOT NULL -- JSON
);
