-- What the integration agent keeps, written once for both engines. Times are
-- microseconds since 1970 UTC and 0 where there is none; prices are ten-thousandths.
-- The jobs are beside it, in tables of their own.

-- +goose Up

-- A batch is a file on its way, or the taking back of one.
CREATE TABLE batches (
    id          BIGINT  NOT NULL PRIMARY KEY,
    kind        TEXT    NOT NULL, -- file or rollback
    parent      BIGINT  NOT NULL, -- the batch that a rollback takes back; 0
    state       TEXT    NOT NULL,
    wanted      TEXT    NOT NULL, -- pause or cancel, for the job at its next call
    note        TEXT    NOT NULL,
    token       TEXT    NOT NULL, -- names the folder of its file
    file_name   TEXT    NOT NULL,
    size        BIGINT  NOT NULL,
    sha256      TEXT    NOT NULL,
    connector   TEXT    NOT NULL,
    placed_by   TEXT    NOT NULL, -- a login, or the account of the machine that owns the file
    by_hand     BOOLEAN NOT NULL, -- a person placed it on the agent's pages
    mapping     TEXT    NOT NULL,
    mapping_version BIGINT NOT NULL,
    currency    TEXT    NOT NULL,
    control     TEXT    NOT NULL, -- JSON: what a trailer says
    why         TEXT    NOT NULL, -- JSON: why it waits for a person
    received_at BIGINT  NOT NULL,
    checked_at  BIGINT  NOT NULL,
    decided_at  BIGINT  NOT NULL,
    started_at  BIGINT  NOT NULL,
    finished_at BIGINT  NOT NULL,
    decided_by  TEXT    NOT NULL, -- login; empty where the limits decided
    evidence    TEXT    NOT NULL, -- JSON: who that was, without the token
    reason      TEXT    NOT NULL,
    system_user TEXT    NOT NULL, -- who wrote
    job_id      TEXT    NOT NULL
);
CREATE UNIQUE INDEX batches_by_content ON batches (sha256) WHERE kind = 'file';
CREATE UNIQUE INDEX batches_by_token ON batches (token);
CREATE INDEX batches_by_state ON batches (state, id);

-- A row of a batch, with its result and what the product was before.
CREATE TABLE price_rows (
    batch_id    BIGINT  NOT NULL REFERENCES batches (id) ON DELETE CASCADE,
    line        BIGINT  NOT NULL,
    part_number TEXT    NOT NULL,
    state       TEXT    NOT NULL,
    reason      TEXT    NOT NULL,
    product_id  TEXT    NOT NULL, -- the ERP's id; empty where there is none
    group_id    TEXT    NOT NULL, -- of the product
    old_price   BIGINT  NOT NULL, -- before-image of StandardPricePerLot
    new_price   BIGINT  NOT NULL,
    change_ppm  BIGINT  NOT NULL, -- of the price, in millionths
    version     BIGINT  NOT NULL, -- of the product, before and after
    version_after BIGINT NOT NULL,
    PRIMARY KEY (batch_id, line)
);
CREATE INDEX price_rows_by_state ON price_rows (batch_id, state, line);
CREATE INDEX price_rows_by_part ON price_rows (batch_id, part_number);

-- What happened to a batch, for people.
CREATE TABLE batch_events (
    batch_id BIGINT NOT NULL REFERENCES batches (id) ON DELETE CASCADE,
    place    BIGINT NOT NULL,
    at       BIGINT NOT NULL,
    by_login TEXT   NOT NULL, -- empty: the agent
    what     TEXT   NOT NULL,
    PRIMARY KEY (batch_id, place)
);

-- Mappings are never changed: an edit is a version.
CREATE TABLE mappings (
    name     TEXT   NOT NULL,
    version  BIGINT NOT NULL,
    content  TEXT   NOT NULL,
    by_login TEXT   NOT NULL, -- empty: came with the agent
    at       BIGINT NOT NULL,
    PRIMARY KEY (name, version)
);

CREATE TABLE connectors (
    name     TEXT    NOT NULL PRIMARY KEY,
    settings TEXT    NOT NULL, -- JSON, without a secret
    secret   BYTEA   NOT NULL, -- sealed
    by_login TEXT    NOT NULL,
    looked_at BIGINT NOT NULL,
    problem  TEXT    NOT NULL
);

-- Files that a connector has fetched: what is left at the other side is not fetched again.
CREATE TABLE fetched (
    connector TEXT   NOT NULL,
    name      TEXT   NOT NULL,
    size      BIGINT NOT NULL,
    modified  BIGINT NOT NULL,
    PRIMARY KEY (connector, name, size, modified)
);

-- Who changed mappings and connectors.
CREATE TABLE changes (
    place    BIGINT NOT NULL PRIMARY KEY,
    at       BIGINT NOT NULL,
    by_login TEXT   NOT NULL,
    what     TEXT   NOT NULL
);

-- +goose Down
DROP TABLE changes;
DROP TABLE fetched;
DROP TABLE connectors;
DROP TABLE mappings;
DROP TABLE batch_events;
DROP TABLE price_rows;
DROP TABLE batches;
