-- What people have struck of a batch is kept beside its rows: these are read again from
-- the file whenever it is checked again, and a product that was struck stays so.

-- +goose Up
CREATE TABLE struck (
    batch_id   BIGINT NOT NULL REFERENCES batches (id) ON DELETE CASCADE,
    product_id TEXT   NOT NULL,
    PRIMARY KEY (batch_id, product_id)
);
INSERT INTO struck (batch_id, product_id) SELECT DISTINCT batch_id, product_id FROM price_rows WHERE state = 'struck';

-- +goose Down
DROP TABLE struck;
