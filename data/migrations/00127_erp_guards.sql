-- What decides who sees a document: counts read nothing else, and the few documents
-- that an account sees among millions are found by it.
-- +goose Up
CREATE INDEX erp_sales_orders_guards ON erp_sales_orders (document_type, enterprise_company, access_key);
CREATE INDEX erp_invoices_guards ON erp_invoices (document_type, enterprise_company, access_key);

-- +goose Down
DROP INDEX erp_invoices_guards;
DROP INDEX erp_sales_orders_guards;
