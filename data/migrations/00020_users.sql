-- Accounts: people, and the System Users of service tokens. The login is also
-- in principal_names, which keeps it apart from every ApplicationURI.
-- +goose Up
CREATE TABLE users (
    id                  TEXT    NOT NULL PRIMARY KEY,
    login               TEXT    NOT NULL UNIQUE,
    name                TEXT    NOT NULL,
    email               TEXT    NOT NULL,
    email_verified      BOOLEAN NOT NULL,
    locale              TEXT    NOT NULL,
    user_type           TEXT    NOT NULL,
    is_admin            BOOLEAN NOT NULL,
    is_enabled          BOOLEAN NOT NULL,
    password_hash       TEXT    NOT NULL,
    password_changed_at BIGINT  NOT NULL,
    created_at          BIGINT  NOT NULL,
    changed_at          BIGINT  NOT NULL,
    version             BIGINT  NOT NULL
);
-- Applications tell people apart by the address too often to let two share one.
CREATE UNIQUE INDEX users_email ON users (lower(email)) WHERE email <> '';
CREATE INDEX users_changed ON users (changed_at);

-- +goose Down
DROP TABLE users;
