-- What the uploads keep beside their parts on disk, written once for both engines. Times
-- are microseconds since 1970 UTC, and 0 where there is none.

-- +goose Up

CREATE TABLE tus_uploads (
    id          TEXT   NOT NULL PRIMARY KEY, -- random; names the part on disk
    owner       TEXT   NOT NULL,
    upload_key  TEXT   NOT NULL, -- the owner's name for it
    state       TEXT   NOT NULL, -- open, finished, taken
    length      BIGINT NOT NULL,
    noted       BIGINT NOT NULL, -- bytes that are on the disk for certain
    sha256      TEXT   NOT NULL, -- that the whole is to have
    grouped     TEXT   NOT NULL, -- what it belongs to; empty for nothing
    metadata    TEXT   NOT NULL, -- as it was sent
    restarts    BIGINT NOT NULL, -- how often the whole was not what it was to be
    created_at  BIGINT NOT NULL,
    expires_at  BIGINT NOT NULL
);
CREATE UNIQUE INDEX tus_uploads_by_key ON tus_uploads (owner, upload_key);
CREATE INDEX tus_uploads_by_group ON tus_uploads (owner, grouped);
CREATE INDEX tus_uploads_by_expiry ON tus_uploads (expires_at, id);

-- What a person has created on a day (UTC): the limits of a day outlive what was deleted.
CREATE TABLE tus_days (
    owner   TEXT   NOT NULL,
    day     TEXT   NOT NULL,
    bytes   BIGINT NOT NULL,
    uploads BIGINT NOT NULL,
    PRIMARY KEY (owner, day)
);
CREATE INDEX tus_days_by_day ON tus_days (day);

-- +goose Down

DROP TABLE tus_days;
DROP TABLE tus_uploads;
