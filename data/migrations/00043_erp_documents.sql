-- Sales orders and invoices. A document number is taken once for each type of
-- document in each enterprise company.
-- +goose Up
CREATE TABLE erp_document_types (
    id                             TEXT    NOT NULL PRIMARY KEY,
    object_version                 BIGINT  NOT NULL,
    external_id                    TEXT,
    external_system                TEXT,
    aggregate_last_update_time_utc BIGINT  NOT NULL,
    additional_data_json           TEXT,
    code                           TEXT    NOT NULL,
    code_text                      TEXT    NOT NULL,
    type_name                      TEXT    NOT NULL,
    type_name_text                 TEXT    NOT NULL,
    entity_name                    TEXT    NOT NULL
);
CREATE UNIQUE INDEX erp_document_types_code ON erp_document_types (code);
CREATE UNIQUE INDEX erp_document_types_external_id ON erp_document_types (external_id, COALESCE(external_system, '')) WHERE external_id IS NOT NULL;
CREATE INDEX erp_document_types_updated ON erp_document_types (aggregate_last_update_time_utc, id);

CREATE TABLE erp_sales_orders (
    id                             TEXT    NOT NULL PRIMARY KEY,
    object_version                 BIGINT  NOT NULL,
    external_id                    TEXT,
    external_system                TEXT,
    aggregate_last_update_time_utc BIGINT  NOT NULL,
    additional_data_json           TEXT,
    document_no                    TEXT    NOT NULL,
    document_no_text               TEXT    NOT NULL,
    document_date                  BIGINT  NOT NULL,
    document_notes                 TEXT,
    state                          BIGINT  NOT NULL,
    void                           BOOLEAN NOT NULL,
    void_reason                    TEXT,
    entity_name                    TEXT    NOT NULL,
    creation_time                  BIGINT  NOT NULL,
    creation_user                  TEXT    NOT NULL,
    release_time                   BIGINT,
    complete_time                  BIGINT,
    void_time                      BIGINT,
    reference_date                 BIGINT,
    reference_document_no          TEXT,
    read_only                      BOOLEAN NOT NULL,
    total_line_amount              BIGINT  NOT NULL,
    amount_to_pay                  BIGINT  NOT NULL,
    document_type                  TEXT    NOT NULL REFERENCES erp_document_types (id),
    enterprise_company             TEXT    NOT NULL REFERENCES erp_enterprise_companies (id),
    enterprise_company_location    TEXT    NOT NULL REFERENCES erp_parties (id),
    from_party                     TEXT    NOT NULL REFERENCES erp_parties (id),
    from_party_type                BIGINT  NOT NULL,
    to_party                       TEXT    REFERENCES erp_parties (id),
    to_party_type                  BIGINT,
    master_document                TEXT    NOT NULL REFERENCES erp_sales_orders (id),
    parent                         TEXT    REFERENCES erp_sales_orders (id),
    responsible_person             TEXT    REFERENCES erp_parties (id),
    assigned_to_user               TEXT,
    customer                       TEXT    NOT NULL REFERENCES erp_customers (id),
    document_currency              TEXT    NOT NULL REFERENCES erp_currencies (id),
    customer_purchase_order_no     TEXT,
    required_delivery_date         BIGINT,
    payment_due_date               BIGINT,
    invoice_no                     TEXT,
    ship_to_customer               TEXT    REFERENCES erp_customers (id),
    store                          TEXT    REFERENCES erp_parties (id)
);
CREATE UNIQUE INDEX erp_sales_orders_document_no ON erp_sales_orders (document_no, document_type, enterprise_company);
CREATE INDEX erp_sales_orders_document_date ON erp_sales_orders (document_date DESC, id);
CREATE INDEX erp_sales_orders_customer ON erp_sales_orders (customer, document_date DESC, id);
CREATE INDEX erp_sales_orders_master ON erp_sales_orders (master_document);
CREATE INDEX erp_sales_orders_parent ON erp_sales_orders (parent) WHERE parent IS NOT NULL;
CREATE INDEX erp_sales_orders_ship_to ON erp_sales_orders (ship_to_customer) WHERE ship_to_customer IS NOT NULL;
CREATE UNIQUE INDEX erp_sales_orders_external_id ON erp_sales_orders (external_id, COALESCE(external_system, '')) WHERE external_id IS NOT NULL;
CREATE INDEX erp_sales_orders_updated ON erp_sales_orders (aggregate_last_update_time_utc, id);

CREATE TABLE erp_sales_order_lines (
    id                             TEXT    NOT NULL PRIMARY KEY,
    line_no                        BIGINT  NOT NULL,
    product_description            TEXT    NOT NULL,
    product_description_text       TEXT    NOT NULL,
    quantity                       BIGINT  NOT NULL,
    quantity_base                  BIGINT  NOT NULL,
    unit_price                     BIGINT  NOT NULL,
    line_amount                    BIGINT  NOT NULL,
    line_custom_discount_percent   BIGINT  NOT NULL,
    line_standard_discount_percent BIGINT  NOT NULL,
    notes                          TEXT,
    sales_order                    TEXT    NOT NULL REFERENCES erp_sales_orders (id),
    required_delivery_date         BIGINT,
    product                        TEXT    NOT NULL REFERENCES erp_products (id),
    quantity_unit                  TEXT    NOT NULL REFERENCES erp_measurement_units (id),
    line_store                     TEXT    REFERENCES erp_parties (id)
);
CREATE UNIQUE INDEX erp_sales_order_lines_line_no ON erp_sales_order_lines (sales_order, line_no);
CREATE INDEX erp_sales_order_lines_product ON erp_sales_order_lines (product);

CREATE TABLE erp_invoices (
    id                             TEXT    NOT NULL PRIMARY KEY,
    object_version                 BIGINT  NOT NULL,
    external_id                    TEXT,
    external_system                TEXT,
    aggregate_last_update_time_utc BIGINT  NOT NULL,
    additional_data_json           TEXT,
    document_no                    TEXT    NOT NULL,
    document_no_text               TEXT    NOT NULL,
    document_date                  BIGINT  NOT NULL,
    document_notes                 TEXT,
    state                          BIGINT  NOT NULL,
    void                           BOOLEAN NOT NULL,
    void_reason                    TEXT,
    entity_name                    TEXT    NOT NULL,
    creation_time                  BIGINT  NOT NULL,
    creation_user                  TEXT    NOT NULL,
    release_time                   BIGINT,
    complete_time                  BIGINT,
    void_time                      BIGINT,
    reference_date                 BIGINT,
    reference_document_no          TEXT,
    read_only                      BOOLEAN NOT NULL,
    total_line_amount              BIGINT  NOT NULL,
    amount_to_pay                  BIGINT  NOT NULL,
    document_type                  TEXT    NOT NULL REFERENCES erp_document_types (id),
    enterprise_company             TEXT    NOT NULL REFERENCES erp_enterprise_companies (id),
    enterprise_company_location    TEXT    NOT NULL REFERENCES erp_parties (id),
    from_party                     TEXT    NOT NULL REFERENCES erp_parties (id),
    from_party_type                BIGINT  NOT NULL,
    to_party                       TEXT    REFERENCES erp_parties (id),
    to_party_type                  BIGINT,
    master_document                TEXT    NOT NULL REFERENCES erp_invoices (id),
    parent                         TEXT    REFERENCES erp_sales_orders (id),
    responsible_person             TEXT    REFERENCES erp_parties (id),
    assigned_to_user               TEXT,
    customer                       TEXT    NOT NULL REFERENCES erp_customers (id),
    document_currency              TEXT    NOT NULL REFERENCES erp_currencies (id),
    apply_date                     BIGINT  NOT NULL,
    payment_due_date               BIGINT,
    delivery_date                  BIGINT,
    notes                          TEXT,
    credit_note_description        TEXT,
    credit_note_original_invoice   TEXT    REFERENCES erp_invoices (id)
);
CREATE UNIQUE INDEX erp_invoices_document_no ON erp_invoices (document_no, document_type, enterprise_company);
CREATE INDEX erp_invoices_document_date ON erp_invoices (document_date DESC, id);
CREATE INDEX erp_invoices_customer ON erp_invoices (customer, document_date DESC, id);
CREATE INDEX erp_invoices_master ON erp_invoices (master_document);
CREATE INDEX erp_invoices_parent ON erp_invoices (parent) WHERE parent IS NOT NULL;
CREATE INDEX erp_invoices_credit_note ON erp_invoices (credit_note_original_invoice) WHERE credit_note_original_invoice IS NOT NULL;
CREATE UNIQUE INDEX erp_invoices_external_id ON erp_invoices (external_id, COALESCE(external_system, '')) WHERE external_id IS NOT NULL;
CREATE INDEX erp_invoices_updated ON erp_invoices (aggregate_last_update_time_utc, id);

CREATE TABLE erp_invoice_lines (
    id                             TEXT    NOT NULL PRIMARY KEY,
    line_no                        BIGINT  NOT NULL,
    product_description            TEXT    NOT NULL,
    product_description_text       TEXT    NOT NULL,
    quantity                       BIGINT  NOT NULL,
    quantity_base                  BIGINT  NOT NULL,
    unit_price                     BIGINT  NOT NULL,
    line_amount                    BIGINT  NOT NULL,
    line_custom_discount_percent   BIGINT  NOT NULL,
    line_standard_discount_percent BIGINT  NOT NULL,
    notes                          TEXT,
    invoice                        TEXT    NOT NULL REFERENCES erp_invoices (id),
    business_reason                BIGINT  NOT NULL,
    product                        TEXT    REFERENCES erp_products (id),
    quantity_unit                  TEXT    REFERENCES erp_measurement_units (id),
    sales_order                    TEXT    REFERENCES erp_sales_orders (id),
    parent_sales_order_line        TEXT    REFERENCES erp_sales_order_lines (id)
);
CREATE UNIQUE INDEX erp_invoice_lines_line_no ON erp_invoice_lines (invoice, line_no);
CREATE INDEX erp_invoice_lines_product ON erp_invoice_lines (product) WHERE product IS NOT NULL;
CREATE INDEX erp_invoice_lines_sales_order ON erp_invoice_lines (sales_order) WHERE sales_order IS NOT NULL;
CREATE INDEX erp_invoice_lines_order_line ON erp_invoice_lines (parent_sales_order_line) WHERE parent_sales_order_line IS NOT NULL;

-- +goose Down
DROP TABLE erp_invoice_lines;
DROP TABLE erp_invoices;
DROP TABLE erp_sales_order_lines;
DROP TABLE erp_sales_orders;
DROP TABLE erp_document_types;
