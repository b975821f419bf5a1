-- The keys that rows may have: a copy that follows those that groups are granted,
-- as these need not be in the same database. Most rows have none.
-- +goose Up
CREATE TABLE erp_access_keys (
    id          TEXT   NOT NULL PRIMARY KEY,
    name        TEXT   NOT NULL,
    name_text   TEXT   NOT NULL,
    name_case   TEXT,
    entity_name TEXT   NOT NULL,
    entity_name_case TEXT,
    entity_id   TEXT,
    share_level BIGINT NOT NULL
);

CREATE TABLE erp_customer_types (
    id                             TEXT    NOT NULL PRIMARY KEY,
    object_version                 BIGINT  NOT NULL,
    external_id                    TEXT,
    external_id_case               TEXT,
    external_system                TEXT,
    external_system_case           TEXT,
    aggregate_last_update_time_utc BIGINT  NOT NULL,
    additional_data_json           TEXT,
    code                           TEXT    NOT NULL,
    code_text                      TEXT    NOT NULL,
    code_case                      TEXT,
    name                           TEXT    NOT NULL,
    name_text                      TEXT    NOT NULL,
    is_active                      BOOLEAN NOT NULL,
    access_key                     TEXT
);
CREATE UNIQUE INDEX erp_customer_types_code ON erp_customer_types (code);
CREATE UNIQUE INDEX erp_customer_types_external_id ON erp_customer_types (external_id, COALESCE(external_system, '')) WHERE external_id IS NOT NULL;
CREATE INDEX erp_customer_types_updated ON erp_customer_types (aggregate_last_update_time_utc, id);

ALTER TABLE erp_customers ADD COLUMN customer_type TEXT REFERENCES erp_customer_types (id);
CREATE INDEX erp_customers_customer_type ON erp_customers (customer_type) WHERE customer_type IS NOT NULL;
ALTER TABLE erp_enterprise_companies ADD COLUMN access_key TEXT;
ALTER TABLE erp_parties ADD COLUMN access_key TEXT;
ALTER TABLE erp_document_types ADD COLUMN access_key TEXT;
ALTER TABLE erp_sales_orders ADD COLUMN access_key TEXT;
CREATE INDEX erp_sales_orders_access_key ON erp_sales_orders (access_key, document_date DESC, id) WHERE access_key IS NOT NULL;
ALTER TABLE erp_invoices ADD COLUMN access_key TEXT;
CREATE INDEX erp_invoices_access_key ON erp_invoices (access_key, document_date DESC, id) WHERE access_key IS NOT NULL;

-- +goose Down
ALTER TABLE erp_invoices DROP COLUMN access_key;
ALTER TABLE erp_sales_orders DROP COLUMN access_key;
ALTER TABLE erp_document_types DROP COLUMN access_key;
ALTER TABLE erp_parties DROP COLUMN access_key;
ALTER TABLE erp_enterprise_companies DROP COLUMN access_key;
ALTER TABLE erp_customers DROP COLUMN customer_type;
DROP TABLE erp_customer_types;
DROP TABLE erp_access_keys;
