-- Which replica does what only one of them does, and until when it is believed to.
-- +goose Up
CREATE TABLE leases (
    name       TEXT   NOT NULL PRIMARY KEY,
    holder     TEXT   NOT NULL,
    held_until BIGINT NOT NULL
);

-- +goose Down
DROP TABLE leases;
