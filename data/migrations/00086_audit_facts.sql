-- Which request an event is about, and what was decided by.
-- +goose Up
ALTER TABLE audit_events ADD COLUMN request_id TEXT NOT NULL DEFAULT '';
ALTER TABLE audit_events ADD COLUMN facts TEXT NOT NULL DEFAULT '';

-- +goose Down
ALTER TABLE audit_events DROP COLUMN facts;
ALTER TABLE audit_events DROP COLUMN request_id;
