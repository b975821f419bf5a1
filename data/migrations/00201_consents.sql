-- What people allow applications to do in their name. An application of before asked
-- nobody: it goes on so, as one of the first party, until somebody says otherwise.
-- +goose Up
CREATE TABLE consents (
    user_id        TEXT   NOT NULL REFERENCES users (id),
    application_id TEXT   NOT NULL,
    scope          TEXT   NOT NULL,
    first_at       BIGINT NOT NULL,
    given_at       BIGINT NOT NULL,
    given_from     TEXT   NOT NULL,
    used_at        BIGINT NOT NULL,
    PRIMARY KEY (user_id, application_id)
);
CREATE INDEX consents_application ON consents (application_id);
UPDATE applications SET first_party = TRUE;

-- +goose Down
DROP TABLE consents;
