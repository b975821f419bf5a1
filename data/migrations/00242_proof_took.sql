-- How long a run took, in ms: for so long the audit takes what it tried for no incident.
-- +goose Up
ALTER TABLE proofs ADD COLUMN took BIGINT NOT NULL DEFAULT 90000;

-- +goose Down
ALTER TABLE proofs DROP COLUMN took;
