-- Balances are kept apart by the company whose they are, because who may see a store may
-- not see every company in it. Without a watermark the next sync makes the copy afresh.
-- +goose Up
DROP TABLE balances;
CREATE TABLE balances (
    product_id TEXT   NOT NULL,
    store      TEXT   NOT NULL,
    company    TEXT   NOT NULL, -- the ERP's id
    thousandths BIGINT NOT NULL,
    PRIMARY KEY (product_id, store, company)
);
DELETE FROM watermarks;

-- +goose Down
DROP TABLE balances;
CREATE TABLE balances (
    product_id TEXT   NOT NULL,
    store      TEXT   NOT NULL,
    thousandths BIGINT NOT NULL,
    PRIMARY KEY (product_id, store)
);
DELETE FROM watermarks;
