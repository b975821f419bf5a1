-- Rows of the ERP name accounts that are kept elsewhere. Databases of SQLite
-- have no such constraints: their ERP has had a file of its own since it was
-- made, or moved there.
-- +goose Up
ALTER TABLE erp_sales_orders DROP CONSTRAINT IF EXISTS erp_sales_orders_assigned_to_user_fkey;
ALTER TABLE erp_invoices DROP CONSTRAINT IF EXISTS erp_invoices_assigned_to_user_fkey;
ALTER TABLE erp_customer_external_access DROP CONSTRAINT IF EXISTS erp_customer_external_access_user_fkey;

-- +goose Down
SELECT 1;
