-- What is in the stores.
-- +goose Up
CREATE TABLE erp_current_balances (
    quantity_base      BIGINT  NOT NULL,
    base_cost          BIGINT  NOT NULL,
    enterprise_company TEXT    NOT NULL REFERENCES erp_enterprise_companies (id),
    store              TEXT    NOT NULL REFERENCES erp_parties (id),
    product            TEXT    NOT NULL REFERENCES erp_products (id),
    PRIMARY KEY (product, store, enterprise_company)
);
CREATE INDEX erp_current_balances_store ON erp_current_balances (store);

-- +goose Down
DROP TABLE erp_current_balances;
