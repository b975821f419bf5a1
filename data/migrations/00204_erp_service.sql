-- Service: the objects, the agreements on them, the tickets of customers, and visits.
-- +goose Up
CREATE TABLE erp_service_object_types (
    id                             TEXT NOT NULL PRIMARY KEY,
    object_version                 BIGINT NOT NULL,
    external_id                    TEXT,
    external_id_case               TEXT,
    external_system                TEXT,
    external_system_case           TEXT,
    aggregate_last_update_time_utc BIGINT NOT NULL,
    additional_data_json           TEXT,
    name                           TEXT NOT NULL,
    name_text                      TEXT NOT NULL,
    name_case                      TEXT
);
CREATE UNIQUE INDEX erp_service_object_types_external_id ON erp_service_object_types (external_id, COALESCE(external_system, '')) WHERE external_id IS NOT NULL;
CREATE INDEX erp_service_object_types_updated ON erp_service_object_types (aggregate_last_update_time_utc, id);

CREATE TABLE erp_service_objects (
    id                             TEXT NOT NULL PRIMARY KEY,
    object_version                 BIGINT NOT NULL,
    external_id                    TEXT,
    external_id_case               TEXT,
    external_system                TEXT,
    external_system_case           TEXT,
    aggregate_last_update_time_utc BIGINT NOT NULL,
    additional_data_json           TEXT,
    name                           TEXT NOT NULL,
    name_text                      TEXT NOT NULL,
    name_case                      TEXT,
    serial_number                  TEXT,
    serial_number_text             TEXT,
    serial_number_case             TEXT,
    is_active                      BOOLEAN NOT NULL,
    notes                          TEXT,
    product                        TEXT REFERENCES erp_products (id),
    service_object_type            TEXT REFERENCES erp_service_object_types (id),
    enterprise_company             TEXT REFERENCES erp_enterprise_companies (id)
);
CREATE UNIQUE INDEX erp_service_objects_external_id ON erp_service_objects (external_id, COALESCE(external_system, '')) WHERE external_id IS NOT NULL;
CREATE INDEX erp_service_objects_updated ON erp_service_objects (aggregate_last_update_time_utc, id);

CREATE TABLE erp_services (
    id                             TEXT NOT NULL PRIMARY KEY,
    object_version                 BIGINT NOT NULL,
    external_id                    TEXT,
    external_id_case               TEXT,
    external_system                TEXT,
    external_system_case           TEXT,
    aggregate_last_update_time_utc BIGINT NOT NULL,
    additional_data_json           TEXT,
    code                           TEXT NOT NULL,
    code_text                      TEXT NOT NULL,
    code_case                      TEXT,
    name                           TEXT NOT NULL,
    name_text                      TEXT NOT NULL,
    name_case                      TEXT,
    is_active                      BOOLEAN NOT NULL,
    measurement_unit               TEXT NOT NULL REFERENCES erp_measurement_units (id)
);
CREATE UNIQUE INDEX erp_services_code ON erp_services (code);
CREATE UNIQUE INDEX erp_services_external_id ON erp_services (external_id, COALESCE(external_system, '')) WHERE external_id IS NOT NULL;
CREATE INDEX erp_services_updated ON erp_services (aggregate_last_update_time_utc, id);

CREATE TABLE erp_service_types (
    id                             TEXT NOT NULL PRIMARY KEY,
    object_version                 BIGINT NOT NULL,
    external_id                    TEXT,
    external_id_case               TEXT,
    external_system                TEXT,
    external_system_case           TEXT,
    aggregate_last_update_time_utc BIGINT NOT NULL,
    additional_data_json           TEXT,
    name                           TEXT NOT NULL,
    name_text                      TEXT NOT NULL,
    name_case                      TEXT,
    is_active                      BOOLEAN NOT NULL,
    is_default                     BOOLEAN NOT NULL
);
CREATE UNIQUE INDEX erp_service_types_external_id ON erp_service_types (external_id, COALESCE(external_system, '')) WHERE external_id IS NOT NULL;
CREATE INDEX erp_service_types_updated ON erp_service_types (aggregate_last_update_time_utc, id);

CREATE TABLE erp_service_agreements (
    id                             TEXT NOT NULL PRIMARY KEY,
    object_version                 BIGINT NOT NULL,
    external_id                    TEXT,
    external_id_case               TEXT,
    external_system                TEXT,
    external_system_case           TEXT,
    aggregate_last_update_time_utc BIGINT NOT NULL,
    additional_data_json           TEXT,
    document_no                    TEXT NOT NULL,
    document_no_text               TEXT NOT NULL,
    document_no_case               TEXT,
    document_date                  BIGINT NOT NULL,
    document_notes                 TEXT,
    state                          BIGINT NOT NULL,
    void                           BOOLEAN NOT NULL,
    void_reason                    TEXT,
    entity_name                    TEXT NOT NULL,
    creation_time                  BIGINT NOT NULL,
    creation_user                  TEXT NOT NULL,
    lines_update_user              TEXT,
    release_time                   BIGINT,
    complete_time                  BIGINT,
    void_time                      BIGINT,
    reference_date                 BIGINT,
    reference_document_no          TEXT,
    reference_document_no_text     TEXT,
    reference_document_no_case     TEXT,
    read_only                      BOOLEAN NOT NULL,
    document_type                  TEXT NOT NULL REFERENCES erp_document_types (id),
    enterprise_company             TEXT NOT NULL REFERENCES erp_enterprise_companies (id),
    enterprise_company_location    TEXT NOT NULL REFERENCES erp_parties (id),
    from_party                     TEXT NOT NULL REFERENCES erp_parties (id),
    from_party_type                BIGINT NOT NULL,
    to_party                       TEXT REFERENCES erp_parties (id),
    to_party_type                  BIGINT,
    master_document                TEXT NOT NULL REFERENCES erp_service_agreements (id),
    parent                         TEXT REFERENCES erp_service_agreements (id),
    responsible_person             TEXT REFERENCES erp_parties (id),
    assigned_to_user               TEXT,
    user_status                    TEXT REFERENCES erp_document_type_user_statuses (id),
    access_key                     TEXT,
    start_date_time                BIGINT NOT NULL,
    end_date_time                  BIGINT,
    customer                       TEXT NOT NULL REFERENCES erp_customers (id)
);
CREATE UNIQUE INDEX erp_service_agreements_document_no ON erp_service_agreements (document_no, document_type, enterprise_company);
CREATE UNIQUE INDEX erp_service_agreements_external_id ON erp_service_agreements (external_id, COALESCE(external_system, '')) WHERE external_id IS NOT NULL;
CREATE INDEX erp_service_agreements_updated ON erp_service_agreements (aggregate_last_update_time_utc, id);

CREATE TABLE erp_service_agreement_lines (
    id                   TEXT NOT NULL PRIMARY KEY,
    line_no              BIGINT NOT NULL,
    line_start_date_time BIGINT NOT NULL,
    line_end_date_time   BIGINT NOT NULL,
    quantity             BIGINT NOT NULL,
    service_agreement    TEXT NOT NULL REFERENCES erp_service_agreements (id),
    service_object       TEXT NOT NULL REFERENCES erp_service_objects (id),
    service_type         TEXT NOT NULL REFERENCES erp_service_types (id)
);
CREATE UNIQUE INDEX erp_service_agreement_lines_line_no ON erp_service_agreement_lines (service_agreement, line_no);

CREATE TABLE erp_service_agreement_state_changes (
    id                TEXT NOT NULL PRIMARY KEY,
    new_state         BIGINT NOT NULL,
    update_time       BIGINT NOT NULL,
    update_user       TEXT NOT NULL,
    system_initiated  BOOLEAN NOT NULL,
    void              BOOLEAN NOT NULL,
    notes             TEXT,
    user_status       TEXT REFERENCES erp_document_type_user_statuses (id),
    service_agreement TEXT NOT NULL REFERENCES erp_service_agreements (id)
);

CREATE TABLE erp_service_orders (
    id                             TEXT NOT NULL PRIMARY KEY,
    object_version                 BIGINT NOT NULL,
    external_id                    TEXT,
    external_id_case               TEXT,
    external_system                TEXT,
    external_system_case           TEXT,
    aggregate_last_update_time_utc BIGINT NOT NULL,
    additional_data_json           TEXT,
    document_no                    TEXT NOT NULL,
    document_no_text               TEXT NOT NULL,
    document_no_case               TEXT,
    document_date                  BIGINT NOT NULL,
    document_notes                 TEXT,
    state                          BIGINT NOT NULL,
    void                           BOOLEAN NOT NULL,
    void_reason                    TEXT,
    entity_name                    TEXT NOT NULL,
    creation_time                  BIGINT NOT NULL,
    creation_user                  TEXT NOT NULL,
    lines_update_user              TEXT,
    release_time                   BIGINT,
    complete_time                  BIGINT,
    void_time                      BIGINT,
    reference_date                 BIGINT,
    reference_document_no          TEXT,
    reference_document_no_text     TEXT,
    reference_document_no_case     TEXT,
    read_only                      BOOLEAN NOT NULL,
    document_type                  TEXT NOT NULL REFERENCES erp_document_types (id),
    enterprise_company             TEXT NOT NULL REFERENCES erp_enterprise_companies (id),
    enterprise_company_location    TEXT NOT NULL REFERENCES erp_parties (id),
    from_party                     TEXT NOT NULL REFERENCES erp_parties (id),
    from_party_type                BIGINT NOT NULL,
    to_party                       TEXT REFERENCES erp_parties (id),
    to_party_type                  BIGINT,
    master_document                TEXT NOT NULL REFERENCES erp_service_orders (id),
    parent                         TEXT REFERENCES erp_service_orders (id),
    responsible_person             TEXT REFERENCES erp_parties (id),
    assigned_to_user               TEXT,
    user_status                    TEXT REFERENCES erp_document_type_user_statuses (id),
    access_key                     TEXT,
    customer                       TEXT NOT NULL REFERENCES erp_customers (id),
    ship_to_customer               TEXT REFERENCES erp_customers (id),
    service_agreement              TEXT REFERENCES erp_service_agreements (id),
    store                          TEXT REFERENCES erp_parties (id)
);
CREATE UNIQUE INDEX erp_service_orders_document_no ON erp_service_orders (document_no, document_type, enterprise_company);
CREATE UNIQUE INDEX erp_service_orders_external_id ON erp_service_orders (external_id, COALESCE(external_system, '')) WHERE external_id IS NOT NULL;
CREATE INDEX erp_service_orders_updated ON erp_service_orders (aggregate_last_update_time_utc, id);

CREATE TABLE erp_service_order_lines (
    id                       TEXT NOT NULL PRIMARY KEY,
    line_no                  BIGINT NOT NULL,
    symptom_description      TEXT,
    symptom_description_case TEXT,
    service_order            TEXT NOT NULL REFERENCES erp_service_orders (id),
    service_object           TEXT NOT NULL REFERENCES erp_service_objects (id)
);
CREATE UNIQUE INDEX erp_service_order_lines_line_no ON erp_service_order_lines (service_order, line_no);

CREATE TABLE erp_service_order_state_changes (
    id               TEXT NOT NULL PRIMARY KEY,
    new_state        BIGINT NOT NULL,
    update_time      BIGINT NOT NULL,
    update_user      TEXT NOT NULL,
    system_initiated BOOLEAN NOT NULL,
    void             BOOLEAN NOT NULL,
    notes            TEXT,
    user_status      TEXT REFERENCES erp_document_type_user_statuses (id),
    service_order    TEXT NOT NULL REFERENCES erp_service_orders (id)
);

CREATE TABLE erp_service_activities (
    id                               TEXT NOT NULL PRIMARY KEY,
    object_version                   BIGINT NOT NULL,
    external_id                      TEXT,
    external_id_case                 TEXT,
    external_system                  TEXT,
    external_system_case             TEXT,
    aggregate_last_update_time_utc   BIGINT NOT NULL,
    additional_data_json             TEXT,
    document_no                      TEXT NOT NULL,
    document_no_text                 TEXT NOT NULL,
    document_no_case                 TEXT,
    document_date                    BIGINT NOT NULL,
    document_notes                   TEXT,
    state                            BIGINT NOT NULL,
    void                             BOOLEAN NOT NULL,
    void_reason                      TEXT,
    entity_name                      TEXT NOT NULL,
    creation_time                    BIGINT NOT NULL,
    creation_user                    TEXT NOT NULL,
    lines_update_user                TEXT,
    release_time                     BIGINT,
    complete_time                    BIGINT,
    void_time                        BIGINT,
    reference_date                   BIGINT,
    reference_document_no            TEXT,
    reference_document_no_text       TEXT,
    reference_document_no_case       TEXT,
    read_only                        BOOLEAN NOT NULL,
    document_type                    TEXT NOT NULL REFERENCES erp_document_types (id),
    enterprise_company               TEXT NOT NULL REFERENCES erp_enterprise_companies (id),
    enterprise_company_location      TEXT NOT NULL REFERENCES erp_parties (id),
    from_party                       TEXT NOT NULL REFERENCES erp_parties (id),
    from_party_type                  BIGINT NOT NULL,
    to_party                         TEXT REFERENCES erp_parties (id),
    to_party_type                    BIGINT,
    master_document                  TEXT NOT NULL REFERENCES erp_service_activities (id),
    parent                           TEXT REFERENCES erp_service_orders (id),
    responsible_person               TEXT REFERENCES erp_parties (id),
    assigned_to_user                 TEXT,
    user_status                      TEXT REFERENCES erp_document_type_user_statuses (id),
    access_key                       TEXT,
    subject                          TEXT NOT NULL,
    subject_text                     TEXT NOT NULL,
    subject_case                     TEXT,
    start_time                       BIGINT NOT NULL,
    end_time                         BIGINT,
    deadline_time                    BIGINT,
    reminder_time                    BIGINT,
    planned_duration_minutes         BIGINT,
    priority                         BIGINT NOT NULL,
    private                          BOOLEAN NOT NULL,
    system_type                      BIGINT NOT NULL,
    notes                            TEXT,
    owner_party                      TEXT NOT NULL REFERENCES erp_parties (id),
    owner_party_type                 BIGINT NOT NULL,
    responsible_party                TEXT NOT NULL REFERENCES erp_parties (id),
    responsible_party_type           BIGINT NOT NULL,
    target_party                     TEXT REFERENCES erp_parties (id),
    target_party_type                BIGINT,
    contact_person                   TEXT REFERENCES erp_parties (id),
    receiver_person_name             TEXT,
    receiver_person_name_text        TEXT,
    customer                         TEXT NOT NULL REFERENCES erp_customers (id),
    receiver_person                  TEXT REFERENCES erp_parties (id),
    default_service_object           TEXT REFERENCES erp_service_objects (id),
    store                            TEXT REFERENCES erp_parties (id),
    location_party_contact_mechanism TEXT REFERENCES erp_contact_mechanisms (id),
    service_agreement                TEXT REFERENCES erp_service_agreements (id)
);
CREATE UNIQUE INDEX erp_service_activities_document_no ON erp_service_activities (document_no, document_type, enterprise_company);
CREATE UNIQUE INDEX erp_service_activities_external_id ON erp_service_activities (external_id, COALESCE(external_system, '')) WHERE external_id IS NOT NULL;
CREATE INDEX erp_service_activities_updated ON erp_service_activities (aggregate_last_update_time_utc, id);

CREATE TABLE erp_service_activity_services (
    id                   TEXT NOT NULL PRIMARY KEY,
    line_no              BIGINT NOT NULL,
    service_name         TEXT NOT NULL,
    service_name_text    TEXT NOT NULL,
    quantity             BIGINT NOT NULL,
    covered_by_guarantee BOOLEAN NOT NULL,
    notes                TEXT,
    service_activity     TEXT NOT NULL REFERENCES erp_service_activities (id),
    service              TEXT NOT NULL REFERENCES erp_services (id),
    service_object       TEXT REFERENCES erp_service_objects (id),
    performed_by_person  TEXT REFERENCES erp_parties (id)
);
CREATE UNIQUE INDEX erp_service_activity_services_line_no ON erp_service_activity_services (service_activity, line_no);

CREATE TABLE erp_service_activity_materials (
    id               TEXT NOT NULL PRIMARY KEY,
    line_no          BIGINT NOT NULL,
    quantity         BIGINT NOT NULL,
    quantity_base    BIGINT NOT NULL,
    service_activity TEXT NOT NULL REFERENCES erp_service_activities (id),
    product          TEXT NOT NULL REFERENCES erp_products (id),
    quantity_unit    TEXT NOT NULL REFERENCES erp_measurement_units (id),
    line_store       TEXT REFERENCES erp_parties (id),
    service_object   TEXT REFERENCES erp_service_objects (id)
);
CREATE UNIQUE INDEX erp_service_activity_materials_line_no ON erp_service_activity_materials (service_activity, line_no);

CREATE TABLE erp_service_activity_state_changes (
    id               TEXT NOT NULL PRIMARY KEY,
    new_state        BIGINT NOT NULL,
    update_time      BIGINT NOT NULL,
    update_user      TEXT NOT NULL,
    system_initiated BOOLEAN NOT NULL,
    void             BOOLEAN NOT NULL,
    notes            TEXT,
    user_status      TEXT REFERENCES erp_document_type_user_statuses (id),
    service_activity TEXT NOT NULL REFERENCES erp_service_activities (id)
);

CREATE INDEX erp_service_objects_serial_number ON erp_service_objects (serial_number) WHERE serial_number IS NOT NULL;
CREATE INDEX erp_service_objects_product ON erp_service_objects (product) WHERE product IS NOT NULL;
CREATE INDEX erp_service_agreements_document_date ON erp_service_agreements (document_date DESC, id);
CREATE INDEX erp_service_agreements_customer ON erp_service_agreements (customer, document_date DESC, id);
CREATE INDEX erp_service_agreements_state ON erp_service_agreements (state, document_date DESC, id, void);
CREATE INDEX erp_service_agreements_master ON erp_service_agreements (master_document);
CREATE INDEX erp_service_agreements_parent ON erp_service_agreements (parent) WHERE parent IS NOT NULL;
CREATE INDEX erp_service_agreements_user_status ON erp_service_agreements (user_status, document_date DESC, id) WHERE user_status IS NOT NULL;
CREATE INDEX erp_service_agreements_access_key ON erp_service_agreements (access_key, document_date DESC, id) WHERE access_key IS NOT NULL;
CREATE INDEX erp_service_agreements_guards ON erp_service_agreements (document_type, enterprise_company, access_key);
CREATE INDEX erp_service_orders_document_date ON erp_service_orders (document_date DESC, id);
CREATE INDEX erp_service_orders_customer ON erp_service_orders (customer, document_date DESC, id);
CREATE INDEX erp_service_orders_state ON erp_service_orders (state, document_date DESC, id, void);
CREATE INDEX erp_service_orders_master ON erp_service_orders (master_document);
CREATE INDEX erp_service_orders_parent ON erp_service_orders (parent) WHERE parent IS NOT NULL;
CREATE INDEX erp_service_orders_user_status ON erp_service_orders (user_status, document_date DESC, id) WHERE user_status IS NOT NULL;
CREATE INDEX erp_service_orders_access_key ON erp_service_orders (access_key, document_date DESC, id) WHERE access_key IS NOT NULL;
CREATE INDEX erp_service_orders_guards ON erp_service_orders (document_type, enterprise_company, access_key);
CREATE INDEX erp_service_activities_document_date ON erp_service_activities (document_date DESC, id);
CREATE INDEX erp_service_activities_customer ON erp_service_activities (customer, document_date DESC, id);
CREATE INDEX erp_service_activities_state ON erp_service_activities (state, document_date DESC, id, void);
CREATE INDEX erp_service_activities_master ON erp_service_activities (master_document);
CREATE INDEX erp_service_activities_parent ON erp_service_activities (parent) WHERE parent IS NOT NULL;
CREATE INDEX erp_service_activities_user_status ON erp_service_activities (user_status, document_date DESC, id) WHERE user_status IS NOT NULL;
CREATE INDEX erp_service_activities_access_key ON erp_service_activities (access_key, document_date DESC, id) WHERE access_key IS NOT NULL;
CREATE INDEX erp_service_activities_guards ON erp_service_activities (document_type, enterprise_company, access_key);
CREATE INDEX erp_service_agreement_lines_object ON erp_service_agreement_lines (service_object);
CREATE INDEX erp_service_order_lines_object ON erp_service_order_lines (service_object);
CREATE INDEX erp_service_orders_agreement ON erp_service_orders (service_agreement) WHERE service_agreement IS NOT NULL;
CREATE INDEX erp_service_activities_start_time ON erp_service_activities (start_time, id);
CREATE INDEX erp_service_activities_responsible ON erp_service_activities (responsible_party, start_time, id);
CREATE INDEX erp_service_activities_owner ON erp_service_activities (owner_party, start_time, id);
CREATE INDEX erp_service_activities_agreement ON erp_service_activities (service_agreement) WHERE service_agreement IS NOT NULL;
CREATE INDEX erp_service_activities_object ON erp_service_activities (default_service_object) WHERE default_service_object IS NOT NULL;
CREATE INDEX erp_service_activity_services_service ON erp_service_activity_services (service);
CREATE INDEX erp_service_activity_materials_product ON erp_service_activity_materials (product);
CREATE INDEX erp_service_agreement_state_changes_owner ON erp_service_agreement_state_changes (service_agreement);
CREATE INDEX erp_service_agreement_state_changes_status ON erp_service_agreement_state_changes (user_status) WHERE user_status IS NOT NULL;
CREATE INDEX erp_service_order_state_changes_owner ON erp_service_order_state_changes (service_order);
CREATE INDEX erp_service_order_state_changes_status ON erp_service_order_state_changes (user_status) WHERE user_status IS NOT NULL;
CREATE INDEX erp_service_activity_state_changes_owner ON erp_service_activity_state_changes (service_activity);
CREATE INDEX erp_service_activity_state_changes_status ON erp_service_activity_state_changes (user_status) WHERE user_status IS NOT NULL;

-- +goose Down
DROP TABLE erp_service_activity_state_changes;
DROP TABLE erp_service_activity_materials;
DROP TABLE erp_service_activity_services;
DROP TABLE erp_service_activities;
DROP TABLE erp_service_order_state_changes;
DROP TABLE erp_service_order_lines;
DROP TABLE erp_service_orders;
DROP TABLE erp_service_agreement_state_changes;
DROP TABLE erp_service_agreement_lines;
DROP TABLE erp_service_agreements;
DROP TABLE erp_service_types;
DROP TABLE erp_services;
DROP TABLE erp_service_objects;
DROP TABLE erp_service_object_types;
