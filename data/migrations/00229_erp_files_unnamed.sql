-- Bytes that no row names any more may be read still: they go some time after that was seen.
-- +goose Up
ALTER TABLE erp_file_contents ADD COLUMN unnamed_at BIGINT NOT NULL DEFAULT 0;
CREATE INDEX erp_file_contents_unnamed ON erp_file_contents (unnamed_at) WHERE unnamed_at > 0;

-- +goose Down
DROP INDEX erp_file_contents_unnamed;
ALTER TABLE erp_file_contents DROP COLUMN unnamed_at;
