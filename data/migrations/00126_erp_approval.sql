-- What a document's type says of approval, the statuses that its documents may have
-- in a state, and what became of each document.
-- +goose Up
ALTER TABLE erp_document_types ADD COLUMN four_eyes BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE erp_document_types ADD COLUMN approval_limit BIGINT;
ALTER TABLE erp_document_types ADD COLUMN approval_discount_limit BIGINT;
ALTER TABLE erp_document_types ADD COLUMN approval_currency TEXT REFERENCES erp_currencies (id);

CREATE TABLE erp_document_type_user_statuses (
    id                    TEXT    NOT NULL PRIMARY KEY,
    user_status_name      TEXT    NOT NULL,
    user_status_name_text TEXT    NOT NULL,
    state                 BIGINT  NOT NULL,
    display_order         BIGINT  NOT NULL,
    is_exit_status        BOOLEAN NOT NULL,
    active                BOOLEAN NOT NULL,
    document_type         TEXT    NOT NULL REFERENCES erp_document_types (id)
);
CREATE INDEX erp_document_type_user_statuses_type ON erp_document_type_user_statuses (document_type);

ALTER TABLE erp_sales_orders ADD COLUMN user_status TEXT REFERENCES erp_document_type_user_statuses (id);
ALTER TABLE erp_sales_orders ADD COLUMN lines_update_user TEXT;
CREATE INDEX erp_sales_orders_user_status ON erp_sales_orders (user_status, document_date DESC, id) WHERE user_status IS NOT NULL;
ALTER TABLE erp_invoices ADD COLUMN user_status TEXT REFERENCES erp_document_type_user_statuses (id);
ALTER TABLE erp_invoices ADD COLUMN lines_update_user TEXT;
CREATE INDEX erp_invoices_user_status ON erp_invoices (user_status, document_date DESC, id) WHERE user_status IS NOT NULL;

CREATE TABLE erp_sales_order_state_changes (
    id               TEXT    NOT NULL PRIMARY KEY,
    new_state        BIGINT  NOT NULL,
    update_time      BIGINT  NOT NULL,
    update_user      TEXT    NOT NULL,
    system_initiated BOOLEAN NOT NULL,
    void             BOOLEAN NOT NULL,
    notes            TEXT,
    user_status      TEXT    REFERENCES erp_document_type_user_statuses (id),
    sales_order      TEXT    NOT NULL REFERENCES erp_sales_orders (id)
);
CREATE INDEX erp_sales_order_state_changes_owner ON erp_sales_order_state_changes (sales_order);
CREATE INDEX erp_sales_order_state_changes_status ON erp_sales_order_state_changes (user_status) WHERE user_status IS NOT NULL;

CREATE TABLE erp_invoice_state_changes (
    id               TEXT    NOT NULL PRIMARY KEY,
    new_state        BIGINT  NOT NULL,
    update_time      BIGINT  NOT NULL,
    update_user      TEXT    NOT NULL,
    system_initiated BOOLEAN NOT NULL,
    void             BOOLEAN NOT NULL,
    notes            TEXT,
    user_status      TEXT    REFERENCES erp_document_type_user_statuses (id),
    invoice          TEXT    NOT NULL REFERENCES erp_invoices (id)
);
CREATE INDEX erp_invoice_state_changes_owner ON erp_invoice_state_changes (invoice);
CREATE INDEX erp_invoice_state_changes_status ON erp_invoice_state_changes (user_status) WHERE user_status IS NOT NULL;

-- +goose Down
DROP TABLE erp_invoice_state_changes;
DROP TABLE erp_sales_order_state_changes;
DROP INDEX erp_invoices_user_status;
ALTER TABLE erp_invoices DROP COLUMN lines_update_user;
ALTER TABLE erp_invoices DROP COLUMN user_status;
DROP INDEX erp_sales_orders_user_status;
ALTER TABLE erp_sales_orders DROP COLUMN lines_update_user;
ALTER TABLE erp_sales_orders DROP COLUMN user_status;
DROP TABLE erp_document_type_user_statuses;
ALTER TABLE erp_document_types DROP COLUMN approval_currency;
ALTER TABLE erp_document_types DROP COLUMN approval_discount_limit;
ALTER TABLE erp_document_types DROP COLUMN approval_limit;
ALTER TABLE erp_document_types DROP COLUMN four_eyes;
