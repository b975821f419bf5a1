-- Which rights accounts have used, through which application: what a person was served
-- with is told apart by their kind.
-- +goose Up
CREATE TABLE permission_uses (
    user_id         TEXT   NOT NULL,
    application_uri TEXT   NOT NULL,
    person          TEXT   NOT NULL,
    set_name        TEXT   NOT NULL,
    attribute       TEXT   NOT NULL,
    need            BIGINT NOT NULL,
    calls           BIGINT NOT NULL,
    first_at        BIGINT NOT NULL,
    last_at         BIGINT NOT NULL,
    PRIMARY KEY (user_id, application_uri, person, set_name, attribute, need)
);
CREATE INDEX permission_uses_last ON permission_uses (last_at);

-- +goose Down
DROP TABLE permission_uses;
