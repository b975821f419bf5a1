-- Products and what they are measured in. A part number is taken once within an
-- enterprise company, or once among the products that belong to none.
-- +goose Up
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

-- +goose Down
DROP TABLE erp_products;
DROP TABLE erp_product_groups;
DROP TABLE erp_product_types;
DROP TABLE erp_measurement_units;
DROP TABLE erp_measurement_categories;
