-- Until when what waits for an application is held back: one row, however much waits.
-- +goose Up
CREATE TABLE delivery_targets (
    kind       TEXT   NOT NULL,
    target     TEXT   NOT NULL,
    held_at    BIGINT NOT NULL,
    not_before BIGINT NOT NULL,
    PRIMARY KEY (kind, target)
);
CREATE INDEX delivery_targets_over ON delivery_targets (not_before);
CREATE INDEX deliveries_waiting ON deliveries (kind, target, next_at, id) WHERE state = 'waiting';

-- +goose Down
DROP INDEX deliveries_waiting;
DROP TABLE delivery_targets;
