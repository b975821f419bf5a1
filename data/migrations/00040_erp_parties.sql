-- Currencies, parties and our own companies. Companies, persons, locations and
-- stores are rows of erp_parties, told apart by party_type. COLUMN_text is the
-- text of COLUMN in lower case, in all of its languages, for searching;
-- COLUMN_type tells what a reference to a party points at. Amounts and
-- quantities are whole numbers, scaled as the model says.
-- +goose Up
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
-- enterprise_company of a store has no foreign key: the tables would need each
-- other. The writer checks it.
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

-- +goose Down
DROP TABLE erp_enterprise_companies;
DROP TABLE erp_contact_mechanisms;
DROP TABLE erp_parties;
DROP TABLE erp_store_groups;
DROP TABLE erp_currencies;
