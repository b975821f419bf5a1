-- How many commands a device has sent on its last day, which bounds those of its person.

-- +goose Up

ALTER TABLE devices ADD COLUMN counted_on TEXT NOT NULL DEFAULT ''; -- 2006-01-02, UTC
ALTER TABLE devices ADD COLUMN counted BIGINT NOT NULL DEFAULT 0;
