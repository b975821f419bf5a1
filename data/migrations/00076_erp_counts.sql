-- What is counted by what filters are of most, without a look at the rows.
-- +goose Up
CREATE INDEX erp_sales_orders_state ON erp_sales_orders (state, document_date DESC, id, void);
CREATE INDEX erp_invoices_state ON erp_invoices (state, document_date DESC, id, void);
CREATE INDEX erp_products_active ON erp_products (active, id, show_in_catalog);
CREATE INDEX erp_parties_type ON erp_parties (party_type, id);

-- +goose Down
DROP INDEX erp_parties_type;
DROP INDEX erp_products_active;
DROP INDEX erp_invoices_state;
DROP INDEX erp_sales_orders_state;
