-- Shipments: what leaves a store, for lines of sales orders.
-- +goose Up
CREATE TABLE erp_shipments (
    id                              TEXT NOT NULL PRIMARY KEY,
    object_version                  BIGINT NOT NULL,
    external_id                     TEXT,
    external_id_case                TEXT,
    external_system                 TEXT,
    external_system_case            TEXT,
    aggregate_last_update_time_utc  BIGINT NOT NULL,
    additional_data_json            TEXT,
    document_no                     TEXT NOT NULL,
    document_no_text                TEXT NOT NULL,
    document_no_case                TEXT,
    document_date                   BIGINT NOT NULL,
    document_notes                  TEXT,
    state                           BIGINT NOT NULL,
    void                            BOOLEAN NOT NULL,
    void_reason                     TEXT,
    entity_name                     TEXT NOT NULL,
    creation_time                   BIGINT NOT NULL,
    creation_user                   TEXT NOT NULL,
    lines_update_user               TEXT,
    release_time                    BIGINT,
    complete_time                   BIGINT,
    void_time                       BIGINT,
    reference_date                  BIGINT,
    reference_document_no           TEXT,
    reference_document_no_text      TEXT,
    reference_document_no_case      TEXT,
    read_only                       BOOLEAN NOT NULL,
    document_type                   TEXT NOT NULL REFERENCES erp_document_types (id),
    enterprise_company              TEXT NOT NULL REFERENCES erp_enterprise_companies (id),
    enterprise_company_location     TEXT NOT NULL REFERENCES erp_parties (id),
    from_party                      TEXT NOT NULL REFERENCES erp_parties (id),
    from_party_type                 BIGINT NOT NULL,
    to_party                        TEXT REFERENCES erp_parties (id),
    to_party_type                   BIGINT,
    master_document                 TEXT NOT NULL REFERENCES erp_shipments (id),
    parent                          TEXT REFERENCES erp_sales_orders (id),
    responsible_person              TEXT REFERENCES erp_parties (id),
    assigned_to_user                TEXT,
    user_status                     TEXT REFERENCES erp_document_type_user_statuses (id),
    access_key                      TEXT,
    required_delivery_date          BIGINT,
    ship_from_store                 TEXT NOT NULL REFERENCES erp_parties (id),
    ship_to_party_contact_mechanism TEXT NOT NULL REFERENCES erp_contact_mechanisms (id),
    issued_by_person                TEXT REFERENCES erp_parties (id),
    received_by_person              TEXT REFERENCES erp_parties (id)
);
CREATE UNIQUE INDEX erp_shipments_document_no ON erp_shipments (document_no, document_type, enterprise_company);
CREATE UNIQUE INDEX erp_shipments_external_id ON erp_shipments (external_id, COALESCE(external_system, '')) WHERE external_id IS NOT NULL;
CREATE INDEX erp_shipments_updated ON erp_shipments (aggregate_last_update_time_utc, id);

CREATE TABLE erp_shipment_lines (
    id                      TEXT NOT NULL PRIMARY KEY,
    line_no                 BIGINT NOT NULL,
    quantity                BIGINT NOT NULL,
    quantity_base           BIGINT NOT NULL,
    box_count               BIGINT,
    pallet_no               BIGINT,
    gross_weightkg          BIGINT,
    net_weightkg            BIGINT,
    notes                   TEXT,
    finished                BOOLEAN NOT NULL,
    shipment                TEXT NOT NULL REFERENCES erp_shipments (id),
    parent_sales_order_line TEXT NOT NULL REFERENCES erp_sales_order_lines (id),
    quantity_unit           TEXT NOT NULL REFERENCES erp_measurement_units (id)
);
CREATE UNIQUE INDEX erp_shipment_lines_line_no ON erp_shipment_lines (shipment, line_no);

CREATE TABLE erp_shipment_state_changes (
    id               TEXT NOT NULL PRIMARY KEY,
    new_state        BIGINT NOT NULL,
    update_time      BIGINT NOT NULL,
    update_user      TEXT NOT NULL,
    system_initiated BOOLEAN NOT NULL,
    void             BOOLEAN NOT NULL,
    notes            TEXT,
    user_status      TEXT REFERENCES erp_document_type_user_statuses (id),
    shipment         TEXT NOT NULL REFERENCES erp_shipments (id)
);

CREATE INDEX erp_shipments_document_date ON erp_shipments (document_date DESC, id);
CREATE INDEX erp_shipments_state ON erp_shipments (state, document_date DESC, id, void);
CREATE INDEX erp_shipments_master ON erp_shipments (master_document);
CREATE INDEX erp_shipments_parent ON erp_shipments (parent) WHERE parent IS NOT NULL;
CREATE INDEX erp_shipments_user_status ON erp_shipments (user_status, document_date DESC, id) WHERE user_status IS NOT NULL;
CREATE INDEX erp_shipments_access_key ON erp_shipments (access_key, document_date DESC, id) WHERE access_key IS NOT NULL;
CREATE INDEX erp_shipments_guards ON erp_shipments (document_type, enterprise_company, access_key);
CREATE INDEX erp_shipments_to_party ON erp_shipments (to_party, document_date DESC, id) WHERE to_party IS NOT NULL;
CREATE INDEX erp_shipments_mechanism ON erp_shipments (ship_to_party_contact_mechanism);
CREATE INDEX erp_shipment_lines_order_line ON erp_shipment_lines (parent_sales_order_line);
CREATE INDEX erp_shipment_state_changes_owner ON erp_shipment_state_changes (shipment);
CREATE INDEX erp_shipment_state_changes_status ON erp_shipment_state_changes (user_status) WHERE user_status IS NOT NULL;

-- +goose Down
DROP TABLE erp_shipment_state_changes;
DROP TABLE erp_shipment_lines;
DROP TABLE erp_shipments;
