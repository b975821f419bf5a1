CREATE TABLE tandem_schema (
		id INTEGER PRIMARY KEY AUTOINCREMENT,
		version_id INTEGER NOT NULL,
		is_applied INTEGER NOT NULL,
		tstamp TIMESTAMP DEFAULT (datetime('now'))
	);
CREATE TABLE instance (
    name  TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
);
CREATE TABLE principal_names (
    name TEXT NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL
);
CREATE TABLE applications (
    id                        TEXT    NOT NULL PRIMARY KEY,
    application_uri           TEXT    NOT NULL,
    name                      TEXT    NOT NULL,
    is_enabled                BOOLEAN NOT NULL,
    client_type               TEXT    NOT NULL,
    internal_users            BOOLEAN NOT NULL,
    external_users            BOOLEAN NOT NULL,
    redirect_uris             TEXT    NOT NULL,
    post_logout_redirect_uris TEXT    NOT NULL,
    backchannel_logout_uri    TEXT    NOT NULL,
    system_user_allowed       BOOLEAN NOT NULL,
    system_user_id            TEXT    NOT NULL,
    scope                     TEXT    NOT NULL,
    user_scope                TEXT,
    service_scope             TEXT,
    access_tokens             TEXT    NOT NULL,
    device_flow               BOOLEAN NOT NULL,
    first_party               BOOLEAN NOT NULL,
    secret_hash               TEXT    NOT NULL,
    basic_authentication      BOOLEAN NOT NULL,
    notes                     TEXT    NOT NULL,
    created_at                BIGINT  NOT NULL,
    changed_at                BIGINT  NOT NULL,
    deleted_at                BIGINT  NOT NULL,
    version                   BIGINT  NOT NULL
);
CREATE UNIQUE INDEX applications_uri ON applications (application_uri) WHERE deleted_at = 0;
CREATE INDEX applications_changed ON applications (changed_at);
CREATE TABLE credentials (
    id             TEXT   NOT NULL PRIMARY KEY,
    application_id TEXT   NOT NULL REFERENCES applications (id),
    kind           TEXT   NOT NULL,
    flow           TEXT   NOT NULL,
    secret_hash    BYTEA  NOT NULL,
    public_key     TEXT   NOT NULL,
    created_at     BIGINT NOT NULL,
    not_before     BIGINT NOT NULL,
    expires_at     BIGINT NOT NULL,
    last_used_at   BIGINT NOT NULL
);
CREATE INDEX credentials_application ON credentials (application_id);
CREATE TABLE signing_keys (
    id          TEXT   NOT NULL PRIMARY KEY,
    key_use     TEXT   NOT NULL,
    generation  BIGINT NOT NULL,
    sealed      BYTEA  NOT NULL,
    created_at  BIGINT NOT NULL,
    activate_at BIGINT NOT NULL,
    UNIQUE (key_use, generation)
);
CREATE TABLE refresh_families (
    id               TEXT   NOT NULL PRIMARY KEY,
    application_uri  TEXT   NOT NULL,
    user_id          TEXT   NOT NULL,
    user_type        TEXT   NOT NULL,
    sign_in_id       TEXT   NOT NULL,
    auth_time        BIGINT NOT NULL,
    scope            TEXT   NOT NULL,
    secret           BYTEA  NOT NULL,
    created_at       BIGINT NOT NULL,
    expires_at       BIGINT NOT NULL,
    generation       BIGINT NOT NULL,
    rotated_at       BIGINT NOT NULL,
    token_id         TEXT   NOT NULL,
    token_expires_at BIGINT NOT NULL,
    ended_at         BIGINT NOT NULL,
    end_reason       TEXT   NOT NULL
);
CREATE INDEX refresh_families_sign_in ON refresh_families (sign_in_id) WHERE ended_at = 0;
CREATE INDEX refresh_families_user ON refresh_families (user_id) WHERE ended_at = 0;
CREATE INDEX refresh_families_expiry ON refresh_families (expires_at);
CREATE TABLE authorization_codes (
    hash             BYTEA  NOT NULL PRIMARY KEY,
    application_uri  TEXT   NOT NULL,
    user_id          TEXT   NOT NULL,
    sign_in_id       TEXT   NOT NULL,
    auth_time        BIGINT NOT NULL,
    redirect_uri     TEXT   NOT NULL,
    scope            TEXT   NOT NULL,
    nonce            TEXT   NOT NULL,
    code_challenge   TEXT   NOT NULL,
    issued_at        BIGINT NOT NULL,
    expires_at       BIGINT NOT NULL,
    used_at          BIGINT NOT NULL,
    family_id        TEXT   NOT NULL,
    token_id         TEXT   NOT NULL,
    token_expires_at BIGINT NOT NULL
);
CREATE INDEX authorization_codes_issued ON authorization_codes (issued_at);
CREATE INDEX authorization_codes_unused ON authorization_codes (sign_in_id) WHERE used_at = 0;
CREATE TABLE revoked_tokens (
    token_id   TEXT   NOT NULL PRIMARY KEY,
    revoked_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX revoked_tokens_time ON revoked_tokens (revoked_at);
CREATE TABLE client_assertions (
    id         BYTEA  NOT NULL PRIMARY KEY,
    expires_at BIGINT NOT NULL
);
CREATE INDEX client_assertions_expiry ON client_assertions (expires_at);
CREATE TABLE client_failures (
    key      TEXT   NOT NULL,
    minute   BIGINT NOT NULL,
    failures BIGINT NOT NULL,
    PRIMARY KEY (key, minute)
);
CREATE TABLE users (
    id                  TEXT    NOT NULL PRIMARY KEY,
    login               TEXT    NOT NULL UNIQUE,
    name                TEXT    NOT NULL,
    email               TEXT    NOT NULL,
    email_verified      BOOLEAN NOT NULL,
    locale              TEXT    NOT NULL,
    user_type           TEXT    NOT NULL,
    is_admin            BOOLEAN NOT NULL,
    is_enabled          BOOLEAN NOT NULL,
    password_hash       TEXT    NOT NULL,
    password_changed_at BIGINT  NOT NULL,
    created_at          BIGINT  NOT NULL,
    changed_at          BIGINT  NOT NULL,
    version             BIGINT  NOT NULL
);
CREATE UNIQUE INDEX users_email ON users (lower(email)) WHERE email <> '';
CREATE INDEX users_changed ON users (changed_at);
CREATE TABLE sign_ins (
    id           TEXT    NOT NULL PRIMARY KEY,
    cookie_hash  BYTEA   NOT NULL UNIQUE,
    user_id      TEXT    NOT NULL REFERENCES users (id),
    auth_time    BIGINT  NOT NULL,
    amr          TEXT    NOT NULL,
    keep         BOOLEAN NOT NULL,
    created_at   BIGINT  NOT NULL,
    last_seen_at BIGINT  NOT NULL,
    expires_at   BIGINT  NOT NULL,
    ended_at     BIGINT  NOT NULL
);
CREATE INDEX sign_ins_live ON sign_ins (user_id) WHERE ended_at = 0;
CREATE INDEX sign_ins_expiry ON sign_ins (expires_at);
CREATE TABLE sign_in_attempts (
    key           TEXT   NOT NULL PRIMARY KEY,
    failures      BIGINT NOT NULL,
    last_at       BIGINT NOT NULL,
    blocked_until BIGINT NOT NULL
);
CREATE INDEX sign_in_attempts_age ON sign_in_attempts (last_at);
CREATE TABLE licence (
    id      BIGINT NOT NULL PRIMARY KEY,
    layout  TEXT   NOT NULL, -- JSON of the licence last started with; '' before the first
    changes BIGINT NOT NULL  -- counts endings; taking its row lock orders openings and endings
);
CREATE TABLE sessions (
    id                  TEXT    NOT NULL PRIMARY KEY,
    session_key         TEXT    NOT NULL,
    kind                TEXT    NOT NULL,
    user_login          TEXT    NOT NULL,
    user_id             TEXT    NOT NULL,
    application_uri     TEXT    NOT NULL,
    service_instance    TEXT    NOT NULL,
    slot                BIGINT  NOT NULL,
    reserved            BOOLEAN NOT NULL,
    remote_addr         TEXT    NOT NULL, -- where it was opened from
    multiplexed         BOOLEAN NOT NULL, -- used from elsewhere too, and recorded so
    opened_at           BIGINT  NOT NULL,
    last_request_at     BIGINT  NOT NULL,
    absolute_expires_at BIGINT  NOT NULL, -- 0: none
    expires_at          BIGINT  NOT NULL, -- the earlier of idle and absolute expiry
    requests            BIGINT  NOT NULL,
    ended_at            BIGINT  NOT NULL, -- 0: open
    end_reason          TEXT    NOT NULL,
    ended_change        BIGINT  NOT NULL  -- licence.changes when it ended
);
CREATE UNIQUE INDEX sessions_open_slot ON sessions (slot) WHERE ended_at = 0;
CREATE UNIQUE INDEX sessions_open_key ON sessions (session_key) WHERE ended_at = 0;
CREATE INDEX sessions_expiry ON sessions (expires_at) WHERE ended_at = 0;
CREATE INDEX sessions_history ON sessions (session_key, opened_at);
CREATE INDEX sessions_ended ON sessions (ended_change);
CREATE TABLE audit_events (
    id              TEXT   NOT NULL PRIMARY KEY,
    at              BIGINT NOT NULL,
    kind            TEXT   NOT NULL,
    application_uri TEXT   NOT NULL,
    actor           TEXT   NOT NULL,
    flow            TEXT   NOT NULL,
    session_id      TEXT   NOT NULL,
    sign_in_id      TEXT   NOT NULL,
    token_id        TEXT   NOT NULL,
    remote_addr     TEXT   NOT NULL,
    detail          TEXT   NOT NULL
);
CREATE TABLE erp_currencies (
    id                             TEXT    NOT NULL PRIMARY KEY,
    object_version                 BIGINT  NOT NULL,
    external_id                    TEXT,
    external_system                TEXT,
    aggregate_last_update_time_utc BIGINT  NOT NULL,
    additional_data_json           TEXT,
    currency_sign                  TEXT    NOT NULL,
    currency_sign_text             TEXT    NOT NULL,
    name                           TEXT    NOT NULL,
    name_text                      TEXT    NOT NULL,
    show_order                     BIGINT  NOT NULL,
    is_active                      BOOLEAN NOT NULL
);
CREATE UNIQUE INDEX erp_currencies_currency_sign ON erp_currencies (currency_sign);
CREATE UNIQUE INDEX erp_currencies_external_id ON erp_currencies (external_id, COALESCE(external_system, '')) WHERE external_id IS NOT NULL;
CREATE INDEX erp_currencies_updated ON erp_currencies (aggregate_last_update_time_utc, id);
CREATE TABLE erp_store_groups (
    id                             TEXT    NOT NULL PRIMARY KEY,
    object_version                 BIGINT  NOT NULL,
    external_id                    TEXT,
    external_system                TEXT,
    aggregate_last_update_time_utc BIGINT  NOT NULL,
    additional_data_json           TEXT,
    code                           TEXT    NOT NULL,
    code_text                      TEXT    NOT NULL,
    name                           TEXT    NOT NULL,
    name_text                      TEXT    NOT NULL
);
CREATE UNIQUE INDEX erp_store_groups_code ON erp_store_groups (code);
CREATE UNIQUE INDEX erp_store_groups_external_id ON erp_store_groups (external_id, COALESCE(external_system, '')) WHERE external_id IS NOT NULL;
CREATE INDEX erp_store_groups_updated ON erp_store_groups (aggregate_last_update_time_utc, id);
CREATE TABLE erp_parties (
    id                                TEXT    NOT NULL PRIMARY KEY,
    object_version                    BIGINT  NOT NULL,
    external_id                       TEXT,
    external_system                   TEXT,
    aggregate_last_update_time_utc    BIGINT  NOT NULL,
    additional_data_json              TEXT,
    party_code                        TEXT    NOT NULL,
    party_code_text                   TEXT    NOT NULL,
    party_name                        TEXT    NOT NULL,
    party_name_text                   TEXT    NOT NULL,
    party_type                        BIGINT  NOT NULL,
    party_unique_number               TEXT,
    gln                               TEXT,
    is_active                         BOOLEAN NOT NULL,
    party_notes                       TEXT,
    parent_party                      TEXT    REFERENCES erp_parties (id),
    parent_party_type                 BIGINT,
    name                              TEXT,
    name_text                         TEXT,
    registration_number               TEXT,
    registration_number_text          TEXT,
    registration_vat_number           TEXT,
    registration_type                 TEXT,
    registration_type_text            TEXT,
    city                              TEXT,
    city_text                         TEXT,
    registration_primary_address      TEXT,
    registration_primary_address_text TEXT,
    is_vat_registered                 BOOLEAN,
    location_name                     TEXT,
    location_name_text                TEXT,
    working_time                      TEXT,
    company                           TEXT    REFERENCES erp_parties (id),
    first_name                        TEXT,
    first_name_text                   TEXT,
    middle_name                       TEXT,
    middle_name_text                  TEXT,
    last_name                         TEXT,
    last_name_text                    TEXT,
    national_number                   TEXT,
    national_number_text              TEXT,
    birth_date                        BIGINT,
    gender                            BIGINT,
    title                             TEXT,
    title_text                        TEXT,
    code                              TEXT,
    code_text                         TEXT,
    unmanaged                         BOOLEAN,
    store_group                       TEXT    REFERENCES erp_store_groups (id),
    enterprise_company                TEXT,
    currency                          TEXT    REFERENCES erp_currencies (id)
);
CREATE UNIQUE INDEX erp_parties_party_code ON erp_parties (party_code);
CREATE UNIQUE INDEX erp_parties_registration_number ON erp_parties (registration_number) WHERE registration_number IS NOT NULL;
CREATE UNIQUE INDEX erp_parties_national_number ON erp_parties (national_number) WHERE national_number IS NOT NULL;
CREATE UNIQUE INDEX erp_parties_code ON erp_parties (code) WHERE code IS NOT NULL;
CREATE INDEX erp_parties_parent_party ON erp_parties (parent_party) WHERE parent_party IS NOT NULL;
CREATE INDEX erp_parties_company ON erp_parties (company) WHERE company IS NOT NULL;
CREATE UNIQUE INDEX erp_parties_external_id ON erp_parties (party_type, external_id, COALESCE(external_system, '')) WHERE external_id IS NOT NULL;
CREATE INDEX erp_parties_updated ON erp_parties (aggregate_last_update_time_utc, id);
CREATE TABLE erp_contact_mechanisms (
    id                     TEXT    NOT NULL PRIMARY KEY,
    name                   TEXT    NOT NULL,
    name_text              TEXT    NOT NULL,
    contact_mechanism_type BIGINT  NOT NULL,
    is_default             BOOLEAN NOT NULL,
    is_active              BOOLEAN NOT NULL,
    line_ord               BIGINT  NOT NULL,
    party                  TEXT    NOT NULL REFERENCES erp_parties (id),
    party_type             BIGINT  NOT NULL
);
CREATE INDEX erp_contact_mechanisms_party ON erp_contact_mechanisms (party);
CREATE TABLE erp_enterprise_companies (
    id                             TEXT    NOT NULL PRIMARY KEY,
    object_version                 BIGINT  NOT NULL,
    external_id                    TEXT,
    external_system                TEXT,
    aggregate_last_update_time_utc BIGINT  NOT NULL,
    additional_data_json           TEXT,
    is_active                      BOOLEAN NOT NULL,
    company                        TEXT    NOT NULL REFERENCES erp_parties (id),
    base_currency                  TEXT    NOT NULL REFERENCES erp_currencies (id)
);
CREATE UNIQUE INDEX erp_enterprise_companies_company ON erp_enterprise_companies (company);
CREATE UNIQUE INDEX erp_enterprise_companies_external_id ON erp_enterprise_companies (external_id, COALESCE(external_system, '')) WHERE external_id IS NOT NULL;
CREATE INDEX erp_enterprise_companies_updated ON erp_enterprise_companies (aggregate_last_update_time_utc, id);
CREATE TABLE erp_measurement_categories (
    id                             TEXT    NOT NULL PRIMARY KEY,
    object_version                 BIGINT  NOT NULL,
    external_id                    TEXT,
    external_system                TEXT,
    aggregate_last_update_time_utc BIGINT  NOT NULL,
    additional_data_json           TEXT,
    name                           TEXT    NOT NULL,
    name_text                      TEXT    NOT NULL,
    is_default                     BOOLEAN NOT NULL
);
CREATE UNIQUE INDEX erp_measurement_categories_external_id ON erp_measurement_categories (external_id, COALESCE(external_system, '')) WHERE external_id IS NOT NULL;
CREATE INDEX erp_measurement_categories_updated ON erp_measurement_categories (aggregate_last_update_time_utc, id);
CREATE TABLE erp_measurement_units (
    id                   TEXT    NOT NULL PRIMARY KEY,
    code                 TEXT,
    code_text            TEXT,
    name                 TEXT    NOT NULL,
    name_text            TEXT    NOT NULL,
    multiplier           BIGINT  NOT NULL,
    divisor              BIGINT  NOT NULL,
    is_default_unit      BOOLEAN NOT NULL,
    system_unit          BIGINT,
    measurement_category TEXT    NOT NULL REFERENCES erp_measurement_categories (id)
);
CREATE UNIQUE INDEX erp_measurement_units_code ON erp_measurement_units (code) WHERE code IS NOT NULL;
CREATE INDEX erp_measurement_units_category ON erp_measurement_units (measurement_category);
CREATE TABLE erp_product_types (
    id                             TEXT    NOT NULL PRIMARY KEY,
    object_version                 BIGINT  NOT NULL,
    external_id                    TEXT,
    external_system                TEXT,
    aggregate_last_update_time_utc BIGINT  NOT NULL,
    additional_data_json           TEXT,
    code                           TEXT    NOT NULL,
    code_text                      TEXT    NOT NULL,
    name                           TEXT    NOT NULL,
    name_text                      TEXT    NOT NULL,
    is_stocked                     BOOLEAN NOT NULL,
    is_shipped                     BOOLEAN NOT NULL,
    is_serviced                    BOOLEAN NOT NULL,
    is_default                     BOOLEAN NOT NULL
);
CREATE UNIQUE INDEX erp_product_types_code ON erp_product_types (code);
CREATE UNIQUE INDEX erp_product_types_external_id ON erp_product_types (external_id, COALESCE(external_system, '')) WHERE external_id IS NOT NULL;
CREATE INDEX erp_product_types_updated ON erp_product_types (aggregate_last_update_time_utc, id);
CREATE TABLE erp_product_groups (
    id                             TEXT    NOT NULL PRIMARY KEY,
    object_version                 BIGINT  NOT NULL,
    external_id                    TEXT,
    external_system                TEXT,
    aggregate_last_update_time_utc BIGINT  NOT NULL,
    additional_data_json           TEXT,
    code                           TEXT    NOT NULL,
    code_text                      TEXT    NOT NULL,
    name                           TEXT    NOT NULL,
    name_text                      TEXT    NOT NULL,
    active                         BOOLEAN NOT NULL,
    full_path                      TEXT    NOT NULL,
    notes                          TEXT,
    parent_group                   TEXT    REFERENCES erp_product_groups (id),
    enterprise_company             TEXT    REFERENCES erp_enterprise_companies (id),
    default_measurement_unit       TEXT    REFERENCES erp_measurement_units (id)
);
CREATE UNIQUE INDEX erp_product_groups_code ON erp_product_groups (code, COALESCE(enterprise_company, ''));
CREATE INDEX erp_product_groups_parent_group ON erp_product_groups (parent_group) WHERE parent_group IS NOT NULL;
CREATE UNIQUE INDEX erp_product_groups_external_id ON erp_product_groups (external_id, COALESCE(external_system, '')) WHERE external_id IS NOT NULL;
CREATE INDEX erp_product_groups_updated ON erp_product_groups (aggregate_last_update_time_utc, id);
CREATE TABLE erp_products (
    id                             TEXT    NOT NULL PRIMARY KEY,
    object_version                 BIGINT  NOT NULL,
    external_id                    TEXT,
    external_system                TEXT,
    aggregate_last_update_time_utc BIGINT  NOT NULL,
    additional_data_json           TEXT,
    part_number                    TEXT    NOT NULL,
    part_number_text               TEXT    NOT NULL,
    name                           TEXT    NOT NULL,
    name_text                      TEXT    NOT NULL,
    short_name                     TEXT,
    short_name_text                TEXT,
    description                    TEXT,
    description_text               TEXT,
    catalog_description_html       TEXT,
    active                         BOOLEAN NOT NULL,
    abc_class                      BIGINT,
    is_serialized                  BOOLEAN NOT NULL,
    show_in_catalog                BOOLEAN NOT NULL,
    standard_price_per_lot         BIGINT  NOT NULL,
    standard_cost_per_lot          BIGINT  NOT NULL,
    standard_lot_size_base         BIGINT  NOT NULL,
    creation_time                  BIGINT,
    creation_user                  TEXT,
    update_time                    BIGINT,
    update_user                    TEXT,
    base_measurement_category      TEXT    NOT NULL REFERENCES erp_measurement_categories (id),
    measurement_unit               TEXT    NOT NULL REFERENCES erp_measurement_units (id),
    product_group                  TEXT    NOT NULL REFERENCES erp_product_groups (id),
    product_type                   TEXT    NOT NULL REFERENCES erp_product_types (id),
    costing_currency               TEXT    REFERENCES erp_currencies (id),
    enterprise_company             TEXT    REFERENCES erp_enterprise_companies (id)
);
CREATE UNIQUE INDEX erp_products_part_number ON erp_products (part_number, COALESCE(enterprise_company, ''));
CREATE INDEX erp_products_product_group ON erp_products (product_group);
CREATE UNIQUE INDEX erp_products_external_id ON erp_products (external_id, COALESCE(external_system, '')) WHERE external_id IS NOT NULL;
CREATE INDEX erp_products_updated ON erp_products (aggregate_last_update_time_utc, id);
CREATE TABLE erp_customers (
    id                             TEXT    NOT NULL PRIMARY KEY,
    object_version                 BIGINT  NOT NULL,
    external_id                    TEXT,
    external_system                TEXT,
    aggregate_last_update_time_utc BIGINT  NOT NULL,
    additional_data_json           TEXT,
    number                         TEXT,
    number_text                    TEXT,
    active                         BOOLEAN NOT NULL,
    credit_limit                   BIGINT,
    default_payment_term_days      BIGINT  NOT NULL,
    grace_period_days              BIGINT  NOT NULL,
    default_delivery_term_days     BIGINT  NOT NULL,
    from_date                      BIGINT,
    thru_date                      BIGINT,
    party                          TEXT    NOT NULL REFERENCES erp_parties (id),
    party_type                     BIGINT  NOT NULL,
    enterprise_company             TEXT    REFERENCES erp_enterprise_companies (id),
    default_currency               TEXT    REFERENCES erp_currencies (id)
);
CREATE UNIQUE INDEX erp_customers_number ON erp_customers (number) WHERE number IS NOT NULL;
CREATE UNIQUE INDEX erp_customers_party ON erp_customers (party, COALESCE(enterprise_company, ''));
CREATE UNIQUE INDEX erp_customers_external_id ON erp_customers (external_id, COALESCE(external_system, '')) WHERE external_id IS NOT NULL;
CREATE INDEX erp_customers_updated ON erp_customers (aggregate_last_update_time_utc, id);
CREATE TABLE erp_customer_external_access (
    id               TEXT    NOT NULL PRIMARY KEY,
    role             BIGINT  NOT NULL,
    days_back_access BIGINT,
    notes            TEXT,
    customer         TEXT    NOT NULL REFERENCES erp_customers (id),
    "user"           TEXT    NOT NULL REFERENCES users (id)
);
CREATE UNIQUE INDEX erp_customer_external_access_user ON erp_customer_external_access ("user", customer);
CREATE INDEX erp_customer_external_access_customer ON erp_customer_external_access (customer);
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
    assigned_to_user               TEXT    REFERENCES users (id),
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
    assigned_to_user               TEXT    REFERENCES users (id),
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
CREATE TABLE erp_current_balances (
    quantity_base      BIGINT  NOT NULL,
    base_cost          BIGINT  NOT NULL,
    enterprise_company TEXT    NOT NULL REFERENCES erp_enterprise_companies (id),
    store              TEXT    NOT NULL REFERENCES erp_parties (id),
    product            TEXT    NOT NULL REFERENCES erp_products (id),
    PRIMARY KEY (product, store, enterprise_company)
);
CREATE INDEX erp_current_balances_store ON erp_current_balances (store);
CREATE TABLE erp_data_exchanges (
    id                             TEXT    NOT NULL PRIMARY KEY,
    object_version                 BIGINT  NOT NULL,
    external_id                    TEXT,
    external_system                TEXT,
    aggregate_last_update_time_utc BIGINT  NOT NULL,
    additional_data_json           TEXT,
    created_on                     BIGINT  NOT NULL,
    exchanged_on                   BIGINT,
    mode                           BIGINT  NOT NULL,
    state                          BIGINT  NOT NULL,
    keep_until                     BIGINT  NOT NULL,
    exchange_log                   TEXT,
    created_by_user                TEXT    NOT NULL
);
CREATE INDEX erp_data_exchanges_created_on ON erp_data_exchanges (created_on);
CREATE INDEX erp_data_exchanges_updated ON erp_data_exchanges (aggregate_last_update_time_utc, id);
CREATE TABLE erp_data_exchange_objects (
    id               TEXT    NOT NULL PRIMARY KEY,
    exchange_result  BIGINT  NOT NULL,
    exchange_message TEXT,
    payload          TEXT,
    repository_name  TEXT    NOT NULL,
    mode             BIGINT  NOT NULL,
    line_no          BIGINT  NOT NULL,
    data_exchange    TEXT    NOT NULL REFERENCES erp_data_exchanges (id)
);
CREATE INDEX erp_data_exchange_objects_line ON erp_data_exchange_objects (data_exchange, line_no);
CREATE TABLE erp_counters (
    name  TEXT   NOT NULL PRIMARY KEY,
    value BIGINT NOT NULL
);
CREATE VIEW erp_users AS SELECT
    id,
    changed_at AS aggregate_last_update_time_utc,
    login,
    lower(login) AS login_text,
    name,
    lower(name) AS name_text,
    CASE WHEN email = '' THEN NULL ELSE email END AS email,
    email_verified AS email_confirmed,
    is_enabled AS active,
    is_admin,
    CASE user_type
        WHEN 'InternalUser' THEN 0
        WHEN 'ExternalCommunityUser' THEN 1
        WHEN 'VirtualUserNoLogin' THEN 2
        WHEN 'SystemUserNoLogin' THEN 3
        WHEN 'ApplicationUserNoLogin' THEN 4
        WHEN 'InvitationInternalNoLogin' THEN 5
        WHEN 'InvitationExternalNoLogin' THEN 6
    END AS user_type,
    CASE WHEN locale = '' THEN NULL ELSE locale END AS default_language,
    created_at AS creation_time_utc
FROM users;
INSERT INTO tandem_schema (version_id, is_applied) VALUES (0, 1);
INSERT INTO tandem_schema (version_id, is_applied) VALUES (1, 1);
INSERT INTO tandem_schema (version_id, is_applied) VALUES (10, 1);
INSERT INTO tandem_schema (version_id, is_applied) VALUES (11, 1);
INSERT INTO tandem_schema (version_id, is_applied) VALUES (12, 1);
INSERT INTO tandem_schema (version_id, is_applied) VALUES (13, 1);
INSERT INTO tandem_schema (version_id, is_applied) VALUES (14, 1);
INSERT INTO tandem_schema (version_id, is_applied) VALUES (20, 1);
INSERT INTO tandem_schema (version_id, is_applied) VALUES (21, 1);
INSERT INTO tandem_schema (version_id, is_applied) VALUES (30, 1);
INSERT INTO tandem_schema (version_id, is_applied) VALUES (31, 1);
INSERT INTO tandem_schema (version_id, is_applied) VALUES (40, 1);
INSERT INTO tandem_schema (version_id, is_applied) VALUES (41, 1);
INSERT INTO tandem_schema (version_id, is_applied) VALUES (42, 1);
INSERT INTO tandem_schema (version_id, is_applied) VALUES (43, 1);
INSERT INTO tandem_schema (version_id, is_applied) VALUES (44, 1);
INSERT INTO tandem_schema (version_id, is_applied) VALUES (45, 1);
INSERT INTO tandem_schema (version_id, is_applied) VALUES (46, 1);
INSERT INTO instance ("name", "value") VALUES ('x', 'x');
INSERT INTO principal_names ("name", "kind") VALUES ('anna', 'user');
INSERT INTO applications ("id", "application_uri", "name", "is_enabled", "client_type", "internal_users", "external_users", "redirect_uris", "post_logout_redirect_uris", "backchannel_logout_uri", "system_user_allowed", "system_user_id", "scope", "user_scope", "service_scope", "access_tokens", "device_flow", "first_party", "secret_hash", "basic_authentication", "notes", "created_at", "changed_at", "deleted_at", "version") VALUES ('x', 'com.Example/Portal', 'x', true, 'x', true, true, 'x', 'x', 'x', true, 'x', 'x', 'x', 'x', 'x', true, true, 'x', true, 'x', 1, 1, 0, 1);
INSERT INTO credentials ("id", "application_id", "kind", "flow", "secret_hash", "public_key", "created_at", "not_before", "expires_at", "last_used_at") VALUES ('x', 'x', 'x', 'x', X'78', 'x', 1, 1, 1, 1);
INSERT INTO signing_keys ("id", "key_use", "generation", "sealed", "created_at", "activate_at") VALUES ('x', 'x', 1, X'78', 1, 1);
INSERT INTO refresh_families ("id", "application_uri", "user_id", "user_type", "sign_in_id", "auth_time", "scope", "secret", "created_at", "expires_at", "generation", "rotated_at", "token_id", "token_expires_at", "ended_at", "end_reason") VALUES ('x', 'x', 'x', 'x', 'x', 1, 'x', X'78', 1, 1, 1, 1, 'x', 1, 0, 'x');
INSERT INTO authorization_codes ("hash", "application_uri", "user_id", "sign_in_id", "auth_time", "redirect_uri", "scope", "nonce", "code_challenge", "issued_at", "expires_at", "used_at", "family_id", "token_id", "token_expires_at") VALUES (X'78', 'x', 'x', 'x', 1, 'x', 'x', 'x', 'x', 1, 1, 1, 'x', 'x', 1);
INSERT INTO revoked_tokens ("token_id", "revoked_at", "expires_at") VALUES ('x', 1, 1);
INSERT INTO client_assertions ("id", "expires_at") VALUES (X'78', 1);
INSERT INTO client_failures ("key", "minute", "failures") VALUES ('x', 1, 1);
INSERT INTO users ("id", "login", "name", "email", "email_verified", "locale", "user_type", "is_admin", "is_enabled", "password_hash", "password_changed_at", "created_at", "changed_at", "version") VALUES ('x', 'anna', 'Anna O''Neil', 'anna@example.com', true, 'x', 'InternalUser', true, true, 'x', 1, 1, 1, 1);
INSERT INTO sign_ins ("id", "cookie_hash", "user_id", "auth_time", "amr", "keep", "created_at", "last_seen_at", "expires_at", "ended_at") VALUES ('x', X'78', 'x', 1, 'x', true, 1, 1, 1, 0);
INSERT INTO sign_in_attempts ("key", "failures", "last_at", "blocked_until") VALUES ('x', 1, 1, 1);
INSERT INTO licence VALUES (1, '', 0);
INSERT INTO sessions ("id", "session_key", "kind", "user_login", "user_id", "application_uri", "service_instance", "slot", "reserved", "remote_addr", "multiplexed", "opened_at", "last_request_at", "absolute_expires_at", "expires_at", "requests", "ended_at", "end_reason", "ended_change") VALUES ('x', 'x', 'x', 'x', 'x', 'x', 'x', 1, true, 'x', true, 1, 1, 1, 1, 1, 0, 'x', 1);
INSERT INTO audit_events ("id", "at", "kind", "application_uri", "actor", "flow", "session_id", "sign_in_id", "token_id", "remote_addr", "detail") VALUES ('x', 1, 'x', 'x', 'x', 'x', 'x', 'x', 'x', 'x', 'x');
INSERT INTO erp_currencies ("id", "object_version", "external_id", "external_system", "aggregate_last_update_time_utc", "additional_data_json", "currency_sign", "currency_sign_text", "name", "name_text", "show_order", "is_active") VALUES ('x', 1, 'x', 'x', 1, 'x', 'x', 'x', 'x', 'x', 1, true);
INSERT INTO erp_store_groups ("id", "object_version", "external_id", "external_system", "aggregate_last_update_time_utc", "additional_data_json", "code", "code_text", "name", "name_text") VALUES ('x', 1, 'x', 'x', 1, 'x', 'x', 'x', 'x', 'x');
INSERT INTO erp_parties ("id", "object_version", "external_id", "external_system", "aggregate_last_update_time_utc", "additional_data_json", "party_code", "party_code_text", "party_name", "party_name_text", "party_type", "party_unique_number", "gln", "is_active", "party_notes", "parent_party", "parent_party_type", "name", "name_text", "registration_number", "registration_number_text", "registration_vat_number", "registration_type", "registration_type_text", "city", "city_text", "registration_primary_address", "registration_primary_address_text", "is_vat_registered", "location_name", "location_name_text", "working_time", "company", "first_name", "first_name_text", "middle_name", "middle_name_text", "last_name", "last_name_text", "national_number", "national_number_text", "birth_date", "gender", "title", "title_text", "code", "code_text", "unmanaged", "store_group", "enterprise_company", "currency") VALUES ('x', 1, 'x', 'x', 1, 'x', 'x', 'x', 'x', 'x', 1, 'x', 'x', true, 'x', 'x', 1, 'x', 'x', 'x', 'x', 'x', 'x', 'x', 'x', 'x', 'x', 'x', true, 'x', 'x', 'x', 'x', 'x', 'x', 'x', 'x', 'x', 'x', 'x', 'x', 1, 1, 'x', 'x', 'x', 'x', true, 'x', 'x', 'x');
INSERT INTO erp_contact_mechanisms ("id", "name", "name_text", "contact_mechanism_type", "is_default", "is_active", "line_ord", "party", "party_type") VALUES ('x', 'x', 'x', 1, true, true, 1, 'x', 1);
INSERT INTO erp_enterprise_companies ("id", "object_version", "external_id", "external_system", "aggregate_last_update_time_utc", "additional_data_json", "is_active", "company", "base_currency") VALUES ('x', 1, 'x', 'x', 1, 'x', true, 'x', 'x');
INSERT INTO erp_measurement_categories ("id", "object_version", "external_id", "external_system", "aggregate_last_update_time_utc", "additional_data_json", "name", "name_text", "is_default") VALUES ('x', 1, 'x', 'x', 1, 'x', 'x', 'x', true);
INSERT INTO erp_measurement_units ("id", "code", "code_text", "name", "name_text", "multiplier", "divisor", "is_default_unit", "system_unit", "measurement_category") VALUES ('x', 'x', 'x', 'x', 'x', 1, 1, true, 1, 'x');
INSERT INTO erp_product_types ("id", "object_version", "external_id", "external_system", "aggregate_last_update_time_utc", "additional_data_json", "code", "code_text", "name", "name_text", "is_stocked", "is_shipped", "is_serviced", "is_default") VALUES ('x', 1, 'x', 'x', 1, 'x', 'x', 'x', 'x', 'x', true, true, true, true);
INSERT INTO erp_product_groups ("id", "object_version", "external_id", "external_system", "aggregate_last_update_time_utc", "additional_data_json", "code", "code_text", "name", "name_text", "active", "full_path", "notes", "parent_group", "enterprise_company", "default_measurement_unit") VALUES ('x', 1, 'x', 'x', 1, 'x', 'x', 'x', 'x', 'x', true, 'x', 'x', 'x', 'x', 'x');
INSERT INTO erp_products ("id", "object_version", "external_id", "external_system", "aggregate_last_update_time_utc", "additional_data_json", "part_number", "part_number_text", "name", "name_text", "short_name", "short_name_text", "description", "description_text", "catalog_description_html", "active", "abc_class", "is_serialized", "show_in_catalog", "standard_price_per_lot", "standard_cost_per_lot", "standard_lot_size_base", "creation_time", "creation_user", "update_time", "update_user", "base_measurement_category", "measurement_unit", "product_group", "product_type", "costing_currency", "enterprise_company") VALUES ('x', 1, 'x', 'x', 1, 'x', 'x', 'x', '{"EN":"Chai"}', 'x', 'x', 'x', 'x', 'x', 'x', true, 1, true, true, 1, 1, 1, 1, 'x', 1, 'x', 'x', 'x', 'x', 'x', 'x', 'x');
INSERT INTO erp_customers ("id", "object_version", "external_id", "external_system", "aggregate_last_update_time_utc", "additional_data_json", "number", "number_text", "active", "credit_limit", "default_payment_term_days", "grace_period_days", "default_delivery_term_days", "from_date", "thru_date", "party", "party_type", "enterprise_company", "default_currency") VALUES ('x', 1, 'x', 'x', 1, 'x', 'x', 'x', true, 1, 1, 1, 1, 1, 1, 'x', 1, 'x', 'x');
INSERT INTO erp_customer_external_access ("id", "role", "days_back_access", "notes", "customer", "user") VALUES ('x', 1, 1, 'x', 'x', 'x');
INSERT INTO erp_document_types ("id", "object_version", "external_id", "external_system", "aggregate_last_update_time_utc", "additional_data_json", "code", "code_text", "type_name", "type_name_text", "entity_name") VALUES ('x', 1, 'x', 'x', 1, 'x', 'x', 'x', 'x', 'x', 'x');
INSERT INTO erp_sales_orders ("id", "object_version", "external_id", "external_system", "aggregate_last_update_time_utc", "additional_data_json", "document_no", "document_no_text", "document_date", "document_notes", "state", "void", "void_reason", "entity_name", "creation_time", "creation_user", "release_time", "complete_time", "void_time", "reference_date", "reference_document_no", "read_only", "total_line_amount", "amount_to_pay", "document_type", "enterprise_company", "enterprise_company_location", "from_party", "from_party_type", "to_party", "to_party_type", "master_document", "parent", "responsible_person", "assigned_to_user", "customer", "document_currency", "customer_purchase_order_no", "required_delivery_date", "payment_due_date", "invoice_no", "ship_to_customer", "store") VALUES ('x', 1, 'x', 'x', 1, 'x', 'x', 'x', 1, 'x', 1, true, 'x', 'x', 1, 'x', 1, 1, 1, 1, 'x', true, 1, 1, 'x', 'x', 'x', 'x', 1, 'x', 1, 'x', 'x', 'x', 'x', 'x', 'x', 'x', 1, 1, 'x', 'x', 'x');
INSERT INTO erp_sales_order_lines ("id", "line_no", "product_description", "product_description_text", "quantity", "quantity_base", "unit_price", "line_amount", "line_custom_discount_percent", "line_standard_discount_percent", "notes", "sales_order", "required_delivery_date", "product", "quantity_unit", "line_store") VALUES ('x', 1, 'x', 'x', 1, 1, 1, 1, 1, 1, 'x', 'x', 1, 'x', 'x', 'x');
INSERT INTO erp_invoices ("id", "object_version", "external_id", "external_system", "aggregate_last_update_time_utc", "additional_data_json", "document_no", "document_no_text", "document_date", "document_notes", "state", "void", "void_reason", "entity_name", "creation_time", "creation_user", "release_time", "complete_time", "void_time", "reference_date", "reference_document_no", "read_only", "total_line_amount", "amount_to_pay", "document_type", "enterprise_company", "enterprise_company_location", "from_party", "from_party_type", "to_party", "to_party_type", "master_document", "parent", "responsible_person", "assigned_to_user", "customer", "document_currency", "apply_date", "payment_due_date", "delivery_date", "notes", "credit_note_description", "credit_note_original_invoice") VALUES ('x', 1, 'x', 'x', 1, 'x', 'x', 'x', 1, 'x', 1, true, 'x', 'x', 1, 'x', 1, 1, 1, 1, 'x', true, 1, 1, 'x', 'x', 'x', 'x', 1, 'x', 1, 'x', 'x', 'x', 'x', 'x', 'x', 1, 1, 1, 'x', 'x', 'x');
INSERT INTO erp_invoice_lines ("id", "line_no", "product_description", "product_description_text", "quantity", "quantity_base", "unit_price", "line_amount", "line_custom_discount_percent", "line_standard_discount_percent", "notes", "invoice", "business_reason", "product", "quantity_unit", "sales_order", "parent_sales_order_line") VALUES ('x', 1, 'x', 'x', 1, 1, 1, 1, 1, 1, 'x', 'x', 1, 'x', 'x', 'x', 'x');
INSERT INTO erp_current_balances ("quantity_base", "base_cost", "enterprise_company", "store", "product") VALUES (1, 1, 'x', 'x', 'x');
INSERT INTO erp_data_exchanges ("id", "object_version", "external_id", "external_system", "aggregate_last_update_time_utc", "additional_data_json", "created_on", "exchanged_on", "mode", "state", "keep_until", "exchange_log", "created_by_user") VALUES ('x', 1, 'x', 'x', 1, 'x', 1, 1, 1, 1, 1, 'x', 'x');
INSERT INTO erp_data_exchange_objects ("id", "exchange_result", "exchange_message", "payload", "repository_name", "mode", "line_no", "data_exchange") VALUES ('x', 1, 'x', 'x', 'x', 1, 1, 'x');
INSERT INTO erp_counters ("name", "value") VALUES ('x', 1);
