-- The accounts as the entity model shows them: a copy that follows the identity
-- server's own, as they need not be in the same database.
-- +goose Up
DROP VIEW erp_users;
CREATE TABLE erp_users (
    id                             TEXT    NOT NULL PRIMARY KEY,
    aggregate_last_update_time_utc BIGINT  NOT NULL,
    login                          TEXT    NOT NULL,
    login_text                     TEXT    NOT NULL,
    name                           TEXT    NOT NULL,
    name_text                      TEXT    NOT NULL,
    email                          TEXT,
    email_confirmed                BOOLEAN NOT NULL,
    active                         BOOLEAN NOT NULL,
    is_admin                       BOOLEAN NOT NULL,
    user_type                      BIGINT  NOT NULL,
    default_language               TEXT,
    creation_time_utc              BIGINT  NOT NULL
);
CREATE INDEX erp_users_login ON erp_users (login);
CREATE INDEX erp_users_updated ON erp_users (aggregate_last_update_time_utc, id);

-- What the ERP's database knows of the instance that it belongs to, and how far
-- the copy of the accounts has come.
CREATE TABLE erp_facts (
    name  TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
);

-- +goose Down
DROP TABLE erp_facts;
DROP TABLE erp_users;
