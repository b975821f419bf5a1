-- Orders and invoices are found by what customers call them, too. COLUMN_text is
-- COLUMN as it is searched: the program fills it for rows that are there already.
-- +goose Up
ALTER TABLE erp_sales_orders ADD COLUMN customer_purchase_order_no_text TEXT;
ALTER TABLE erp_sales_orders ADD COLUMN reference_document_no_text TEXT;
ALTER TABLE erp_invoices ADD COLUMN reference_document_no_text TEXT;
CREATE INDEX erp_products_name_text ON erp_products (name_text, id);

-- +goose Down
DROP INDEX erp_products_name_text;
ALTER TABLE erp_invoices DROP COLUMN reference_document_no_text;
ALTER TABLE erp_sales_orders DROP COLUMN reference_document_no_text;
ALTER TABLE erp_sales_orders DROP COLUMN customer_purchase_order_no_text;
