-- The log of imports goes when its time is over.
-- +goose Up
CREATE INDEX erp_data_exchanges_keep_until ON erp_data_exchanges (keep_until);

-- +goose Down
DROP INDEX erp_data_exchanges_keep_until;
