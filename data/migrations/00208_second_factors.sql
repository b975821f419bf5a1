-- What people prove themselves by beside their password; and of whom it is demanded. The
-- secrets are sealed.
-- +goose Up
ALTER TABLE users ADD COLUMN second_factor_required BOOLEAN NOT NULL DEFAULT FALSE;
CREATE TABLE second_factors (
    id         TEXT   PRIMARY KEY,
    user_id    TEXT   NOT NULL REFERENCES users (id),
    kind       TEXT   NOT NULL,
    name       TEXT   NOT NULL,
    secret     BYTEA  NOT NULL,
    handle     TEXT   NOT NULL,
    counter    BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    used_at    BIGINT NOT NULL,
    used_from  TEXT   NOT NULL
);
CREATE INDEX second_factors_user ON second_factors (user_id);
CREATE UNIQUE INDEX second_factors_handle ON second_factors (handle) WHERE handle <> '';

-- +goose Down
DROP TABLE second_factors;
ALTER TABLE users DROP COLUMN second_factor_required;
