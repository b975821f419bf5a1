-- Rights on the types of documents, and abilities, are used, too: by which key.
-- +goose Up
CREATE TABLE permission_uses_of_keys (
    user_id         TEXT   NOT NULL,
    application_uri TEXT   NOT NULL,
    person          TEXT   NOT NULL,
    set_name        TEXT   NOT NULL,
    attribute       TEXT   NOT NULL,
    key_id          TEXT   NOT NULL,
    need            BIGINT NOT NULL,
    calls           BIGINT NOT NULL,
    first_at        BIGINT NOT NULL,
    last_at         BIGINT NOT NULL,
    PRIMARY KEY (user_id, application_uri, person, set_name, attribute, key_id, need)
);
INSERT INTO permission_uses_of_keys
SELECT user_id, application_uri, person, set_name, attribute, '', need, calls, first_at, last_at FROM permission_uses;
DROP TABLE permission_uses;
ALTER TABLE permission_uses_of_keys RENAME TO permission_uses;
CREATE INDEX permission_uses_last ON permission_uses (last_at);

-- +goose Down
CREATE TABLE permission_uses_of_sets (
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
INSERT INTO permission_uses_of_sets
SELECT user_id, application_uri, person, set_name, attribute, need, calls, first_at, last_at FROM permission_uses WHERE key_id = '';
DROP TABLE permission_uses;
ALTER TABLE permission_uses_of_sets RENAME TO permission_uses;
CREATE INDEX permission_uses_last ON permission_uses (last_at);
