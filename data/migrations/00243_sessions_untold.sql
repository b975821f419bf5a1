-- Since when a session has ended whose end may not be on record yet; 0 once it is. Sessions that
-- a version before ends are taken to be told of: it could not say.
-- +goose Up
ALTER TABLE sessions ADD COLUMN untold_since BIGINT NOT NULL DEFAULT 0;
CREATE INDEX sessions_untold ON sessions (untold_since) WHERE untold_since <> 0;

-- +goose Down
DROP INDEX sessions_untold;
ALTER TABLE sessions DROP COLUMN untold_since;
