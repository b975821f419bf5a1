-- The log of imports. It outlives the accounts that it names.
-- +goose Up
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

-- The last number given by each automatic numbering.
CREATE TABLE erp_counters (
    name  TEXT   NOT NULL PRIMARY KEY,
    value BIGINT NOT NULL
);

-- +goose Down
DROP TABLE erp_counters;
DROP TABLE erp_data_exchange_objects;
DROP TABLE erp_data_exchanges;
