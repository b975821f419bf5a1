-- Rows that were sent to the ERP, kept before they are: what became of them is known with
-- the answer, and a row that has none by the time the process died may have been written.

-- +goose Up
ALTER TABLE price_rows ADD COLUMN sent BOOLEAN NOT NULL DEFAULT FALSE;
UPDATE price_rows SET sent = TRUE WHERE state IN ('changed', 'rolled back');
CREATE INDEX price_rows_sent ON price_rows (product_id) WHERE sent;

-- +goose Down
DROP INDEX price_rows_sent;
ALTER TABLE price_rows DROP COLUMN sent;
