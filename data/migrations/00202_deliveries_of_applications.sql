-- Deliveries to applications: whom each is for, and when it was last tried.
-- +goose Up
ALTER TABLE deliveries ADD COLUMN target TEXT NOT NULL DEFAULT '';
ALTER TABLE deliveries ADD COLUMN tried_at BIGINT NOT NULL DEFAULT 0;
CREATE INDEX deliveries_target ON deliveries (target, kind, tried_at) WHERE target <> '';

-- +goose Down
DROP INDEX deliveries_target;
ALTER TABLE deliveries DROP COLUMN tried_at;
ALTER TABLE deliveries DROP COLUMN target;
