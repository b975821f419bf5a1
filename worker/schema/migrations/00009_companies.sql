-- Balances are kept apart by the company whose they are, because who may see a store may
-- not see every company in it. They are a copy, which the next sync makes; a worker of the
-- version before goes on with the table of before, which a later version drops.
-- +goose Up
CREATE TABLE company_balances (
    product_id TEXT   NOT NULL,
    store      TEXT   NOT NULL,
    company    TEXT   NOT NULL, -- the ERP's id
    thousandths BIGINT NOT NULL,
    PRIMARY KEY (product_id, store, company)
);

-- +goose Down
DROP TABLE company_balances;
