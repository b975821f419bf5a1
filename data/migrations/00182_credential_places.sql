-- From which networks credentials were used, and when last.
-- +goose Up
CREATE TABLE credential_places (
    application_id TEXT   NOT NULL,
    credential_id  TEXT   NOT NULL,
    network        TEXT   NOT NULL,
    last_at        BIGINT NOT NULL,
    PRIMARY KEY (application_id, credential_id, network)
);
CREATE INDEX credential_places_last ON credential_places (last_at);

-- +goose Down
DROP TABLE credential_places;
