-- Customers, and which people of theirs may see what.
-- +goose Up
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
    "user"           TEXT    NOT NULL
);
CREATE UNIQUE INDEX erp_customer_external_access_user ON erp_customer_external_access ("user", customer);
CREATE INDEX erp_customer_external_access_customer ON erp_customer_external_access (customer);

-- +goose Down
DROP TABLE erp_customer_external_access;
DROP TABLE erp_customers;
